// A question mark before a section's name: the program is not loaded unless asked for. Linux 4.18 for the one that loads.
#include "bpf.h"

SEC("socket")
int loaded(struct __sk_buff *skb)
{
	return 1;
}

// Reads past the packet's context: no kernel takes it.
SEC("?socket")
int refused(struct __sk_buff *skb)
{
	return *(volatile __u32 *)((char *)skb + 4096);
}

SEC("?cgroup_skb/ingress")
int optional(struct __sk_buff *skb)
{
	return 1;
}

char _license[] SEC("license") = "GPL";
