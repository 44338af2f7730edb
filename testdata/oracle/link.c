// What libbpf's static linker makes of BPF objects: link OUT IN...
#include <stdio.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

int main(int count, char **names)
{
	struct bpf_linker *linker;
	int i;

	if (count < 3) {
		fprintf(stderr, "usage: link OUT IN...\n");
		return EXIT_FAILURE;
	}
	linker = bpf_linker__new(names[1], NULL);
	if (!linker)
		return EXIT_FAILURE;
	for (i = 2; i < count; i++)
		if (bpf_linker__add_file(linker, names[i], NULL))
			return EXIT_FAILURE;
	if (bpf_linker__finalize(linker))
		return EXIT_FAILURE;
	bpf_linker__free(linker);
	return EXIT_SUCCESS;
}
