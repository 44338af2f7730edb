// Does not go with `first`: it takes a variable there for one of another type. Linux 5.5.
#include "types.h"

extern long from_first;

SEC("socket")
int look(struct __sk_buff *context)
{
	return from_first;
}

char _license[] SEC("license") = "GPL";
