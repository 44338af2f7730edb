// Global variables of many types, linkages and visibilities. Linux 5.5.
#include "bpf.h"

enum colour {
	RED,
	GREEN = 5,
	BLUE = -1,
};

struct point {
	__s32 x;
	__s32 y;
};

struct shape {
	struct point corners[3];
	enum colour colour;
	char name[12];
};

union word {
	__u64 whole;
	__u32 halves[2];
};

typedef struct point position;

_Bool flag = 1;
char letter = 'a';
__s8 s8 = -8;
__u8 u8 = 8;
__s16 s16 = -16;
__u16 u16 = 16;
__s32 s32 = -32;
__u32 u32 = 32;
__s64 s64 = -64;
__u64 u64 = 64;
long plain_long = -1;
enum colour colour = GREEN;
struct point point = {3, -4};
position origin;
union word word = {0x0102030405060708};
__u16 array[3] = {1, 2, 3};
__u16 matrix[2][3] = {{1, 2, 3}, {4, 5, 6}};
struct shape shapes[2] = {{{{1, 2}, {3, 4}, {5, 6}}, BLUE, "triangle"}};
char text[16] = "sixteen bytes";
void *pointer;

const volatile __u32 constant = 99;
const volatile struct point constant_point = {1, 2};
const volatile char constant_text[8] = "const";

static volatile __u32 internal = 5;
static volatile __u32 internal_zero;
static const volatile __u32 internal_constant = 6;
__hidden __u32 hidden = 11;
__weak __u32 weak = 12;
__weak __u64 weak_zero;
__u32 aligned __attribute__((aligned(64))) = 13;

#define SET(variable) variable = variable + 1

SEC("socket")
int set_all(struct __sk_buff *skb)
{
	flag = !flag;
	SET(letter);
	SET(s8);
	SET(u8);
	SET(s16);
	SET(u16);
	SET(s32);
	SET(u32);
	SET(s64);
	SET(u64);
	SET(plain_long);
	colour = RED;
	SET(point.x);
	SET(origin.y);
	SET(word.whole);
	SET(array[1]);
	SET(matrix[1][1]);
	SET(shapes[1].corners[2].y);
	text[0] = 'S';
	SET(internal);
	SET(internal_zero);
	SET(hidden);
	SET(weak);
	SET(weak_zero);
	SET(aligned);
	pointer = 0;
	return constant + constant_point.y + constant_text[1] + internal_constant;
}

char _license[] SEC("license") = "GPL";
