// What libbpf makes of the programs of BPF objects before the kernel sees them: the instructions after CO-RE, calls and data were resolved.
//
// Lines of standard input name an object and a target, separated by a tab. A target is a file of BTF, which is searched alone (libbpf:
// `btf_custom_path`), or a folder like /sys/kernel/btf with the BTF of a kernel and its modules. The first line that is printed tells the
// version of libbpf; then, for each program of an object, there is one line with tabs between its fields:
//
//     OBJECT  TARGET  PROGRAM  relocated  INSTRUCTIONS    (hexadecimal, as the kernel would get them)
//     OBJECT  TARGET  PROGRAM  refused    REASON          (libbpf's warnings)
//
// and for an object that libbpf does not open the second form, with `-` in place of the program, or, when libbpf does not survive it,
//
//     OBJECT  TARGET  -        crashed    STATUS
//
// A program is loaded alone: the others of its object neither help nor harm it. Nothing gets to the kernel: see no_kernel.c.
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "no_kernel.h"

// Values for the fixtures' `__kconfig` variables, so that the answer does not depend on the machine's configuration.
#define KCONFIG "CONFIG_BPF=y\nCONFIG_HZ=250\nCONFIG_DEFAULT_HOSTNAME=\"(none)\"\n"

// libbpf says this when all of its own work on a program is done, and it refuses to load it, since the type was taken away on purpose.
#define REACHED_LOAD "': failed to load: "

// All that was said about one program.
static char warnings[4096];
static bool reached_load;

static int listen(enum libbpf_print_level level, const char *format, va_list arguments)
{
	size_t used = strlen(warnings);

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(warnings + used, sizeof(warnings) - used, format, arguments);
	if (strstr(warnings + used, REACHED_LOAD))
		reached_load = true;
	return 0;
}

static void print_refused(const char *object, const char *target, const char *program)
{
	printf("%s\t%s\t%s\trefused\t", object, target, program);
	for (const char *letter = warnings; *letter; letter++)
		putchar(*letter == '\t' || *letter == '\n' ? ' ' : *letter);
	putchar('\n');
}

static void print_relocated(const char *object, const char *target, const struct bpf_program *program)
{
	const unsigned char *bytes = (const unsigned char *)bpf_program__insns(program);
	size_t size = bpf_program__insn_cnt(program) * sizeof(struct bpf_insn);

	printf("%s\t%s\t%s\trelocated\t", object, target, bpf_program__name(program));
	for (size_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

static bool is_folder(const char *path)
{
	struct stat file;

	return !stat(path, &file) && S_ISDIR(file.st_mode);
}

static struct bpf_object *open_object(const char *object, const char *target)
{
	bool kernel = is_folder(target);
	LIBBPF_OPTS(bpf_object_open_opts, options,
		.kconfig = KCONFIG,
		.btf_custom_path = kernel ? NULL : target);

	no_kernel_shows(kernel ? target : NULL);
	warnings[0] = '\0';
	return bpf_object__open_file(object, &options);
}

// Does all of libbpf's work on one program, given by its place in the object.
static void relocate(const char *object, const char *target, size_t place)
{
	struct bpf_object *opened = open_object(object, target);
	struct bpf_program *program, *wanted = NULL;
	struct bpf_map *map;
	size_t i = 0;

	if (!opened)
		return print_refused(object, target, "-");
	bpf_object__for_each_program(program, opened) {
		bpf_program__set_autoload(program, i == place);
		if (i++ == place)
			wanted = program;
		// Maps of struct_ops want programs of that type.
		if (bpf_program__type(program) != BPF_PROG_TYPE_STRUCT_OPS)
			bpf_program__set_type(program, BPF_PROG_TYPE_UNSPEC);
	}
	bpf_object__for_each_map(map, opened)
		bpf_map__set_pin_path(map, NULL);

	reached_load = false;
	if (!bpf_object__load(opened))
		reached_load = true;
	if (reached_load)
		print_relocated(object, target, wanted);
	else
		print_refused(object, target, bpf_program__name(wanted));
	bpf_object__close(opened);
}

static void relocate_all(const char *object, const char *target)
{
	struct bpf_object *opened = open_object(object, target);
	struct bpf_program *program;
	size_t count = 0;

	if (!opened)
		return print_refused(object, target, "-");
	bpf_object__for_each_program(program, opened)
		count++;
	bpf_object__close(opened);
	for (size_t place = 0; place < count; place++)
		relocate(object, target, place);
}

// libbpf keeps the BTF of each module open: a kernel has more than a thousand.
static void allow_many_files(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

// A target is hostile when random changes were made to it, and libbpf trusts it: types that contain themselves are followed for ever, a
// size of 0 divides. A process of its own answers, with a second of the processor where the name of the target's file has a `~`.
static void relocate_apart(const char *object, const char *target)
{
	const char *name = strrchr(target, '/');
	struct itimerval limit = { .it_value.tv_sec = strchr(name ? name : target, '~') ? 1 : 0 };
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		setitimer(ITIMER_VIRTUAL, &limit, NULL);
		relocate_all(object, target);
		_exit(fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0) {
		perror("cannot ask a process");
		exit(EXIT_FAILURE);
	}
	if (status)
		printf("%s\t%s\t-\tcrashed\tstatus %d\n", object, target, status);
}

int main(void)
{
	// Large enough for all that is told of an object: of one that makes libbpf crash nothing is told before.
	static char output[1 << 24];
	char *line = NULL;
	size_t room = 0;

	setvbuf(stdout, output, _IOFBF, sizeof(output));
	libbpf_set_print(listen);
	allow_many_files();
	printf("libbpf\t%s\n", libbpf_version_string());
	while (getline(&line, &room, stdin) > 0) {
		char *target = strchr(line, '\t');

		if (!target) {
			fprintf(stderr, "no tab in the line: %s", line);
			return EXIT_FAILURE;
		}
		*target++ = '\0';
		target[strcspn(target, "\n")] = '\0';
		relocate_apart(line, target);
	}
	free(line);
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
