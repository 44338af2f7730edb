// A callback that only a tag names: it belongs to the program though nothing calls it. Linux 6.7.
#include "bpf.h"

extern void bpf_throw(__u64 cookie) __ksym;

__noinline int caught(__u64 cookie)
{
	return cookie + 1;
}

__attribute__((btf_decl_tag("exception_callback:caught"))) SEC("tc") int throw(struct __sk_buff *skb)
{
	if (skb->len > 20)
		bpf_throw(41);
	return 0;
}

// No tag: a throw returns the cookie.
SEC("tc")
int throw_plainly(struct __sk_buff *skb)
{
	bpf_throw(7);
	return 0;
}

char _license[] SEC("license") = "GPL";
