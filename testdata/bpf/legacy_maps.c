// Map definitions of the `maps` section, from before map definitions had types. Linux 4.18.
#include "bpf.h"

struct bpf_map_def {
	__u32 type;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	__u32 map_flags;
};

struct bpf_map_def SEC("maps") old_hash = {
	.type = MAP_HASH,
	.key_size = 4,
	.value_size = 8,
	.max_entries = 16,
	.map_flags = MAP_NO_PREALLOC,
};

struct bpf_map_def SEC("maps") old_array = {
	.type = MAP_ARRAY,
	.key_size = 4,
	.value_size = 16,
	.max_entries = 2,
};

SEC("socket")
int use_both(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 length = skb->len;

	bpf_map_update_elem(&old_hash, &zero, &length, UPDATE_ANY);
	return bpf_map_lookup_elem(&old_array, &zero) ? 1 : 0;
}

char _license[] SEC("license") = "GPL";
