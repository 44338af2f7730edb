// The address of a function: a callback of a helper. Linux 5.13.
#include "bpf.h"

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} values SEC(".maps");

struct sum {
	__u64 of;
};

static __noinline __u64 halve(__u64 value)
{
	return value / 2;
}

static long add(void *map, __u32 *key, __u64 *value, struct sum *sum)
{
	sum->of += halve(*value);
	return 0;
}

SEC("socket")
int sum_halves(struct __sk_buff *skb)
{
	struct sum sum = {};

	bpf_for_each_map_elem(&values, add, &sum, 0);
	return sum.of;
}

char _license[] SEC("license") = "GPL";
