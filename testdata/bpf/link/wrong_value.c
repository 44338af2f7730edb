// Does not go with `second`: a structure of the same name has other members. Linux 5.5.
#include "../bpf.h"

struct point {
	int x;
	int z;
	struct point *next;
};

extern struct point origin;

SEC("socket")
int look(struct __sk_buff *context)
{
	return origin.z;
}

char _license[] SEC("license") = "GPL";
