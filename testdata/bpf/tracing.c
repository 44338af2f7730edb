// Programs of the tracing hooks. Each counts its hits in a variable with the program's name, for one process or for all. Linux 5.8.
//
// Kernel functions and tracepoints are there from 5.10 to 7.3: the bpf_fentry_test and bpf_modify_return_test functions run on a test
// run of an attached program, the rest on getpgid(2).
#include "bpf.h"

// Process (thread group) id to count; 0 counts all.
const volatile __u32 target;

__u64 hits_kprobe;
__u64 hits_kretprobe;
__u64 hits_ksyscall;
__u64 hits_tracepoint;
__u64 hits_tp;
__u64 hits_raw_tp;
__u64 hits_tp_btf;
__u64 hits_fentry;
__u64 hits_fexit;
__u64 hits_fmod_ret;
__u64 hits_uprobe;
__u64 hits_uretprobe;
__u64 hits_uprobe_main;
__u64 hits_perf_event;
// The argument and the result that the last hit of fentry and fexit saw.
__s32 fentry_argument;
__s32 fexit_result;

static __always_inline void hit(__u64 *hits)
{
	if (!target || bpf_get_current_pid_tgid() >> 32 == target)
		atomic_add(hits, 1);
}

SEC("kprobe/__x64_sys_getpgid")
int on_kprobe(void *context)
{
	hit(&hits_kprobe);
	return 0;
}

SEC("kretprobe/__x64_sys_getpgid")
int on_kretprobe(void *context)
{
	hit(&hits_kretprobe);
	return 0;
}

SEC("ksyscall/getpgid")
int on_ksyscall(void *context)
{
	hit(&hits_ksyscall);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_getpgid")
int on_tracepoint(void *context)
{
	hit(&hits_tracepoint);
	return 0;
}

SEC("tp/raw_syscalls/sys_enter")
int on_tp(void *context)
{
	hit(&hits_tp);
	return 0;
}

SEC("raw_tp/sys_enter")
int on_raw_tp(__u64 *context)
{
	hit(&hits_raw_tp);
	return 0;
}

SEC("tp_btf/sys_enter")
int on_tp_btf(__u64 *context)
{
	hit(&hits_tp_btf);
	return 0;
}

// int bpf_fentry_test1(int a), called with 1, returns a + 1.
SEC("fentry/bpf_fentry_test1")
int on_fentry(__u64 *context)
{
	fentry_argument = context[0];
	hit(&hits_fentry);
	return 0;
}

SEC("fexit/bpf_fentry_test1")
int on_fexit(__u64 *context)
{
	fexit_result = context[1];
	hit(&hits_fexit);
	return 0;
}

// int bpf_modify_return_test(int a, int *b). Older kernels take this only with CONFIG_FUNCTION_ERROR_INJECTION.
SEC("?fmod_ret/bpf_modify_return_test")
int on_fmod_ret(__u64 *context)
{
	hit(&hits_fmod_ret);
	return context[2];
}

SEC("uprobe")
int on_uprobe(void *context)
{
	hit(&hits_uprobe);
	return 0;
}

SEC("uretprobe")
int on_uretprobe(void *context)
{
	hit(&hits_uretprobe);
	return 0;
}

SEC("uprobe//proc/self/exe:main")
int on_uprobe_main(void *context)
{
	hit(&hits_uprobe_main);
	return 0;
}

SEC("perf_event")
int on_perf_event(void *context)
{
	hit(&hits_perf_event);
	return 0;
}

char _license[] SEC("license") = "GPL";
