// Counters in the four plain map types, from a socket filter, an XDP program and two cgroup programs that can be test-run. Linux 5.5.
#include "bpf.h"

struct pair {
	__u32 runs;
	__u32 length;
};

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} by_length SEC(".maps");

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} runs SEC(".maps");

struct {
	__uint(type, MAP_PERCPU_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct pair);
} by_length_and_cpu SEC(".maps");

struct {
	__uint(type, MAP_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} runs_by_cpu SEC(".maps");

// Slots of the two arrays.
enum program {
	FILTER,
	XDP,
	INGRESS,
	EGRESS,
};

static __always_inline void count(__u32 program, __u32 length)
{
	__u64 *total, one = 1;
	struct pair *pair;

	total = bpf_map_lookup_elem(&runs, &program);
	if (total)
		atomic_add(total, 1);
	total = bpf_map_lookup_elem(&runs_by_cpu, &program);
	if (total)
		*total += 1;
	total = bpf_map_lookup_elem(&by_length, &length);
	if (total)
		atomic_add(total, 1);
	else
		bpf_map_update_elem(&by_length, &length, &one, UPDATE_ANY);
	pair = bpf_map_lookup_elem(&by_length_and_cpu, &length);
	if (pair) {
		pair->runs += 1;
		pair->length = length;
	} else {
		struct pair first = {1, length};

		bpf_map_update_elem(&by_length_and_cpu, &length, &first, UPDATE_ANY);
	}
}

// Accepts the whole packet.
SEC("socket")
int count_filter(struct __sk_buff *skb)
{
	count(FILTER, skb->len);
	return skb->len;
}

SEC("xdp")
int count_xdp(struct xdp_md *xdp)
{
	count(XDP, xdp->data_end - xdp->data);
	return XDP_PASS;
}

SEC("cgroup_skb/ingress")
int count_ingress(struct __sk_buff *skb)
{
	count(INGRESS, skb->len);
	return 1;
}

SEC("cgroup_skb/egress")
int count_egress(struct __sk_buff *skb)
{
	count(EGRESS, skb->len);
	return 1;
}

char _license[] SEC("license") = "Dual MIT/GPL";
