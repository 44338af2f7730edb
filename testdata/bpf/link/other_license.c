// Does not go with `first`: the licence is another one. Linux 4.18.
#include "types.h"

char _license[] SEC("license") = "MIT";
