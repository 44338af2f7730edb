// Global variables in an arena, beside plain ones. Linux 6.9.
#include "bpf.h"

#define __arena __attribute__((address_space(1)))

struct {
	__uint(type, MAP_ARENA);
	__uint(max_entries, 16);
	__uint(map_flags, MAP_MMAPABLE);
} memory SEC(".maps");

struct node {
	struct node __arena *next;
	__u64 value;
};

struct node __arena head;
__u64 __arena total = 100;
__u64 visited;

SEC("syscall")
int walk(void *context)
{
	struct node __arena *node = &head;

	total += node->value;
	visited += 1;
	node->value = total;
	return 0;
}

char _license[] SEC("license") = "GPL";
