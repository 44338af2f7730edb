// Does not go with `first`: a function of its own has the name of one there, and none is weak. Linux 5.6.
#include "types.h"

__noinline int square(int value)
{
	return value * 3;
}

char _license[] SEC("license") = "GPL";
