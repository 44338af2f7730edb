// One data section, `.bss`, of more than a page. Linux 5.5.
#include "bpf.h"

__u64 runs;
__u8 last_bytes[8192];
__u32 length;

SEC("socket")
int remember(struct __sk_buff *skb)
{
	runs += 1;
	length = skb->len;
	last_bytes[runs & 8191] = skb->len;
	return 0;
}

char _license[] SEC("license") = "GPL";
