// Functions in an executable section that names no program type, called from a program. Linux 5.5 for `call_library`; the functions
// are no programs and do not load alone.
#include "bpf.h"

__attribute__((section("library"), noinline)) int in_library(int value)
{
	return value + 1;
}

__attribute__((section("library"), noinline, used)) static int static_in_library(int value)
{
	return value * 3;
}

SEC("socket")
int call_library(struct __sk_buff *skb)
{
	return in_library(skb->len) + static_in_library(skb->len);
}

char _license[] SEC("license") = "GPL";
