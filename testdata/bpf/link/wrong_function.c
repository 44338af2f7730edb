// Does not go with `first`: it takes a function there for one with another parameter. Linux 5.6.
#include "types.h"

extern int square(int value, int power);

SEC("socket")
int raise(struct __sk_buff *context)
{
	return square(context->len, 3);
}

char _license[] SEC("license") = "GPL";
