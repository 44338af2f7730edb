// Program sections that name no type, or not quite; `known` loads from Linux 4.18.
#include "bpf.h"

SEC("something/else")
int unknown(void *context)
{
	return 1;
}

// These begin like a known name, but libbpf asks for the whole of it.
SEC("xdp/ingress")
int nearly_xdp(struct xdp_md *xdp)
{
	return XDP_PASS;
}

SEC("socket1")
int nearly_socket(struct __sk_buff *skb)
{
	return 0;
}

SEC("socket")
int known(struct __sk_buff *skb)
{
	return 2;
}

char _license[] SEC("license") = "GPL";
