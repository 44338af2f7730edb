// No license and no version: both are optional until a helper asks for the license. Linux 4.18.
#include "bpf.h"

SEC("socket")
int nothing(struct __sk_buff *skb)
{
	return 0;
}
