// What the objects that are linked with each other agree on.
#ifndef TESTDATA_LINK_TYPES_H
#define TESTDATA_LINK_TYPES_H

#include "../bpf.h"

// A definition of another object, by its section.
#define IN(name) __attribute__((section(name)))

struct point {
	int x;
	int y;
	struct point *next;
};

#endif
