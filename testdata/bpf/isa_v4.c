// clang: -mcpu=v4
// Instructions of the fourth version of the instruction set: sign extension, signed division, byte swap, long jumps. Linux 6.6.
#include "bpf.h"

const volatile __s8 small = -3;
const volatile __s16 medium = -300;
const volatile __s32 large = -70000;
__s64 result;

SEC("socket")
int extend(struct __sk_buff *skb)
{
	result = (__s64)small + medium + large;
	return result;
}

SEC("socket")
int divide(struct __sk_buff *skb)
{
	return (large / (__s32)skb->len) + (result % (__s32)skb->len);
}

SEC("socket")
int swap(struct __sk_buff *skb)
{
	return __builtin_bswap32(skb->len);
}

SEC("socket")
int narrow(struct __sk_buff *skb)
{
	return (__s8)skb->len + (__s16)skb->mark;
}

char _license[] SEC("license") = "GPL";
