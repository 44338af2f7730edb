// The other half of a linked object; the first is `first`. Linux 5.13.
#include "types.h"

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct point *);
} also_mine SEC(".maps");

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} theirs SEC(".maps");

extern struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct point);
} shared IN(".maps");

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 8);
} either SEC(".maps") __weak;

int second_program(struct __sk_buff *context);

// Its slots name a program of this object.
struct {
	__uint(type, MAP_PROG_ARRAY);
	__uint(max_entries, 3);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} jumps SEC(".maps") = {
	.values = { [2] = &second_program },
};

int from_second = 21;
const volatile int constant_from_second = 22;
extern int from_first;
int weak_here = 23;
int weak_in_both __weak = 24;
struct point origin = { .x = 1, .y = 2 };

static volatile int counter = 26;
static volatile int zero_counter;

extern int LINUX_KERNEL_VERSION __kconfig;
extern const int no_such_symbol __ksym __weak;
extern void no_such_kfunc(void) __ksym __weak;

extern int square(int value);

static __noinline int helper(int value)
{
	counter -= value;
	return counter - 1;
}

__noinline int add_in_second(int one, int two)
{
	return helper(one) + two;
}

__hidden __noinline int hidden_in_second(struct point *point)
{
	return point ? point->x + from_second : 0;
}

__noinline int weak_here_only(int value)
{
	return helper(value) + from_first;
}

__weak __noinline int weak_twice(int value)
{
	return helper(value) + 200;
}

static long each(void *map, const void *key, void *value, int *sum)
{
	*sum -= *(int *)value;
	return 0;
}

SEC("socket")
int second_program(struct __sk_buff *context)
{
	__u32 key = 1;
	int sum = 0;

	zero_counter += LINUX_KERNEL_VERSION;
	if (no_such_kfunc)
		no_such_kfunc();
	if (&no_such_symbol)
		sum--;
	bpf_for_each_map_elem(&shared, each, &sum, 0);
	bpf_map_lookup_elem(&either, &key);
	bpf_map_lookup_elem(&also_mine, &key);
	bpf_map_lookup_elem(&theirs, &key);
	bpf_tail_call(context, &jumps, 2);
	sum += square(sum) + weak_here_only(weak_here) + weak_twice(weak_in_both);
	return sum + helper(constant_from_second) + origin.y;
}

SEC("tc")
int only_in_second(struct __sk_buff *context)
{
	return add_in_second(context->len, from_second);
}

char _license[] SEC("license") = "GPL";
