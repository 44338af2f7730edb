// Maps of maps: the inner definition as the last member, and slots that are filled when the object is loaded. Linux 5.9 (the size
// of an inner map may differ from the definition of the outer one).
#include "bpf.h"

struct inner {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
};

struct inner first SEC(".maps");
struct inner second SEC(".maps");

struct inner_hash {
	__uint(type, MAP_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} numbers SEC(".maps");

// Slot 1 stays empty.
struct {
	__uint(type, MAP_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} by_index SEC(".maps") = {
	.values = {[0] = &first, [2] = &second},
};

struct {
	__uint(type, MAP_HASH_OF_MAPS);
	__uint(max_entries, 8);
	__type(key, __u32);
	__array(values, struct inner_hash);
} by_key SEC(".maps") = {
	.values = {[3] = &numbers},
};

// Filled by the user only. The inner definition stands in place.
struct {
	__uint(type, MAP_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__array(values, struct {
		__uint(type, MAP_ARRAY);
		__uint(max_entries, 4);
		__uint(key_size, 4);
		__uint(value_size, 8);
	});
} empty SEC(".maps");

// Adds 1 to element 0 of the map in slot `len & 3`; returns 1, or 0 when the slot is empty.
SEC("socket")
int count_in_slot(struct __sk_buff *skb)
{
	__u32 slot = skb->len & 3, zero = 0;
	void *inner = bpf_map_lookup_elem(&by_index, &slot);
	__u64 *value;

	if (!inner)
		return 0;
	value = bpf_map_lookup_elem(inner, &zero);
	if (!value)
		return 0;
	atomic_add(value, 1);
	return 1;
}

SEC("socket")
int count_by_key(struct __sk_buff *skb)
{
	__u32 key = 3, number = skb->len;
	void *inner = bpf_map_lookup_elem(&by_key, &key);

	if (!inner)
		return 0;
	bpf_map_update_elem(inner, &key, &number, UPDATE_ANY);
	return 1;
}

SEC("socket")
int look_in_empty(struct __sk_buff *skb)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&empty, &zero) ? 1 : 0;
}

char _license[] SEC("license") = "GPL";
