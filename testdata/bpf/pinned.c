// Maps that are pinned by their name when loaded, and found there by the next load. Linux 4.18.
#include "bpf.h"

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, PIN_BY_NAME);
} pinned SEC(".maps");

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, PIN_NONE);
} private SEC(".maps");

SEC("socket")
int count(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 one = 1;
	__u64 *value = bpf_map_lookup_elem(&pinned, &zero);

	if (value)
		atomic_add(value, 1);
	else
		bpf_map_update_elem(&pinned, &zero, &one, UPDATE_ANY);
	bpf_map_update_elem(&private, &zero, &one, UPDATE_ANY);
	return 0;
}

char _license[] SEC("license") = "GPL";
