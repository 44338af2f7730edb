// Data sections with names of their own beside the plain ones, each a map. Linux 5.5.
#include "bpf.h"

__u32 plain_data = 1;
__u32 plain_bss;
const volatile __u32 plain_rodata = 2;

__u32 tuned SEC(".data.tuning") = 3;
__u32 tuned_too SEC(".data.tuning") = 4;
__u32 state SEC(".data.state") = 5;
const volatile __u32 table[4] SEC(".rodata.table") = {10, 20, 30, 40};
__u64 scratch[4] SEC(".bss.scratch");

SEC("socket")
int sum(struct __sk_buff *skb)
{
	plain_bss += 1;
	scratch[1] += table[2];
	state += tuned + tuned_too;
	return plain_data + plain_rodata + state + scratch[1];
}

char _license[] SEC("license") = "GPL";
