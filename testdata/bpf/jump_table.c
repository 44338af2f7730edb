// clang: -mcpu=v4 -mllvm -bpf-min-jump-table-entries=5
// A switch through a table of addresses. Linux 6.19 and its instruction array maps.
#include "bpf.h"

__u32 seen;

SEC("socket")
int choose(struct __sk_buff *skb)
{
	switch (skb->len) {
	case 20:
		seen = 3;
		return 7;
	case 21:
		seen = 9;
		return 1;
	case 22:
		seen = 27;
		return 12;
	case 23:
		return 5;
	case 24:
		seen = 81;
		return 33;
	case 25:
		seen += 2;
		return 4;
	case 26:
		seen = skb->mark;
		return 15;
	default:
		return 0;
	}
}

char _license[] SEC("license") = "GPL";
