// What libbpf wants of the machine; the part of the kernel's source that is fetched has it for x86 only.
#define mb() __sync_synchronize()
#define rmb() mb()
#define wmb() mb()
#define smp_mb() mb()
#define smp_rmb() mb()
#define smp_wmb() mb()
#define smp_store_release(place, value) __atomic_store_n(place, value, __ATOMIC_RELEASE)
#define smp_load_acquire(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
