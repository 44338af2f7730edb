// What libbpf merges types into.
//
// Lines of standard input name a file to write, a base or `-`, and files with types, separated by tabs: BPF objects, or BTF as it is. The
// types of all of them are put one behind the other, of the base's split BTF where there is a base, merged, and written in this machine's
// byte order. The first line that is printed tells the version of libbpf. For each file that is written there is a line with its name;
// where libbpf refuses there is a tab and a number of an error behind.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

static int no_words(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level, (void)format, (void)arguments;
	return 0;
}

static int add(struct btf *merged, const char *path)
{
	struct btf *types = btf__parse(path, NULL);
	int id;

	if (!types)
		return -errno;
	id = btf__add_btf(merged, types);
	btf__free(types);
	return id < 0 ? id : 0;
}

static int write_types(const struct btf *types, const char *path)
{
	__u32 size;
	const void *bytes = btf__raw_data(types, &size);
	FILE *file = fopen(path, "wb");

	if (!bytes || !file || fwrite(bytes, 1, size, file) != size || fclose(file)) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	return 0;
}

static int merge(const char *output, struct btf *base, char *paths)
{
	struct btf *merged = base ? btf__new_empty_split(base) : btf__new_empty();
	char *path;
	int error = merged ? 0 : -errno;

	while (!error && (path = strsep(&paths, "\t")))
		error = add(merged, path);
	if (!error)
		error = btf__dedup(merged, NULL);
	if (!error)
		error = write_types(merged, output);
	btf__free(merged);
	return error;
}

int main(void)
{
	struct btf *base = NULL;
	char *base_path = strdup("-");
	char *line = NULL;
	size_t room = 0;

	libbpf_set_print(no_words);
	printf("libbpf\t%s\n", libbpf_version_string());
	while (getline(&line, &room, stdin) > 0) {
		char *rest = line, *output, *path;
		int error;

		rest[strcspn(rest, "\n")] = '\0';
		output = strsep(&rest, "\t");
		path = strsep(&rest, "\t");
		if (!path || !rest) {
			fprintf(stderr, "fewer than three fields: %s\n", line);
			return EXIT_FAILURE;
		}
		// Lines with the same base follow each other: it is read once.
		if (strcmp(path, base_path)) {
			btf__free(base);
			base = strcmp(path, "-") ? btf__parse(path, NULL) : NULL;
			if (!base && strcmp(path, "-")) {
				perror(path);
				return EXIT_FAILURE;
			}
			free(base_path);
			base_path = strdup(path);
		}
		error = merge(output, base, rest);
		if (error)
			printf("%s\t%d\n", output, error);
		else
			printf("%s\n", output);
	}
	free(line);
	free(base_path);
	btf__free(base);
	return EXIT_SUCCESS;
}
