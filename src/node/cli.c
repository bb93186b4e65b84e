/* SPDX-License-Identifier: BSD-2-Clause */
/* ntm-node's command line. */
#include "cli.h"
#include "lease.h"

#include "ntm/control.h"
#include "ntm/log.h"
#include "ntm/noise.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verb {
	const char *name;
	int (*run)(struct cli *cli);
	int min_args, max_args;
	bool wants_conf;
	const char *args, *help;
};

static int cmd_version(struct cli *cli)
{
	(void)cli;
	puts("ntm-node " NTM_VERSION);
	return NTM_EXIT_OK;
}

static const struct verb verbs[] = {
	{"join", cmd_join, 1, 1, true, "TOKEN|-",
	 "become a node of a domain; `-` reads the token from standard input"},
	{"run", cmd_run, 0, 0, true, "", "carry the virtual address until SIGTERM"},
	{"check", cmd_check, 0, 0, true, "",
	 "check configuration, lease and host, and say what is wrong"},
	{"status", cmd_status, 0, 0, true, "", "who this node is, and why something does not work"},
	{"tunnels", cmd_tunnels, 0, 0, true, "", "the peers, their paths and their traffic"},
	{"calls", cmd_calls, 0, 0, true, "", "SIP calls: hold, tunnel, media"},
	{"ping", cmd_ping, 1, 1, true, "NAME|VIP", "bring a tunnel up and measure it"},
	{"version", cmd_version, 0, 0, false, "", "print the version"},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void print_usage(FILE *out)
{
	fputs("usage: ntm-node [-c FILE] [--json] VERB [ARGUMENT]\n\n", out);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(out, "  %-8s %-9s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
	fputs("\n  -c, --config FILE  configuration (default: " NODE_CONF_PATH ")\n"
	      "      --json         data as JSON (status, tunnels, calls, ping)\n"
	      "      --count N      pings (default: 3)\n"
	      "      --force        join: forget the domain that this host had joined\n"
	      "  -h, --help         this page; `man ntm-node` tells more\n",
	      out);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int parse_count(const char *text, unsigned *count)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end != '\0' || value == 0 || value > 1000)
		return -EINVAL;
	*count = (unsigned)value;
	return 0;
}

/* Options may stand before and behind the verb. -1: go on; else an exit code. */
static int parse_options(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"json", no_argument, NULL, 'j'},
		{"count", required_argument, NULL, 'n'},  {"force", no_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			cli->conf_path = optarg;
			break;
		case 'j':
			cli->json = true;
			break;
		case 'f':
			cli->force = true;
			break;
		case 'h':
			print_usage(stdout);
			return NTM_EXIT_OK;
		case 'n':
			if (parse_count(optarg, &cli->count) == 0)
				break;
			fputs("ntm-node: --count: expected 1 to 1000\n", stderr);
			return NTM_EXIT_USAGE;
		default:
			print_usage(stderr);
			return NTM_EXIT_USAGE;
		}
	}
	return -1;
}

static int read_conf(struct cli *cli)
{
	char words[2048] = "";
	int err = node_conf_load(&cli->conf, cli->conf_path, words, sizeof(words));

	if (err == 0)
		return NTM_EXIT_OK;
	fprintf(stderr, "%s\n", words[0] != '\0' ? words : strerror(-err));
	return NTM_EXIT_BAD_CONFIG;
}

int cli_main(int argc, char **argv)
{
	struct cli cli = {.count = 3};
	int code = parse_options(&cli, argc, argv);

	if (code >= 0)
		return code;
	const struct verb *verb = optind < argc ? find_verb(argv[optind]) : NULL;
	if (verb == NULL) {
		if (optind < argc)
			fprintf(stderr, "ntm-node: no such verb: %s\n\n", argv[optind]);
		print_usage(stderr);
		return NTM_EXIT_USAGE;
	}
	cli.argc = argc - optind - 1;
	cli.argv = argv + optind + 1;
	if (cli.argc < verb->min_args || cli.argc > verb->max_args) {
		if (cli.argc > verb->max_args)
			fprintf(stderr,
				"ntm-node: %s is one word too many; a token or a name has no "
				"blanks and no line breaks\n",
				cli.argv[verb->max_args]);
		fprintf(stderr, "usage: ntm-node %s %s\n", verb->name, verb->args);
		return NTM_EXIT_USAGE;
	}
	if (!verb->wants_conf)
		return verb->run(&cli);
	if (ntm_crypto_init() != 0) {
		fputs("ntm-node: the system gives no random numbers\n", stderr);
		return NTM_EXIT_FAILED;
	}
	code = read_conf(&cli);
	if (code != NTM_EXIT_OK)
		return code;
	ntm_log_set_level((enum ntm_log_level)cli.conf.log_level);
	code = verb->run(&cli);
	node_conf_free(&cli.conf);
	return code;
}

int cli_ask(const struct cli *cli, json_t *request, int64_t timeout_ms, cli_reply_fn *fn, void *ctx)
{
	char path[NODE_SOCKET_STR], words[300];
	struct node_lease lease;
	int code = ntm_control_ask("ntm-node", node_conf_socket(&cli->conf, path), request,
				   timeout_ms, fn, ctx);

	if (code == NTM_EXIT_NOT_RUNNING &&
	    lease_load(&lease, cli->conf.state_dir, words, sizeof(words)) == -ENOENT)
		fprintf(stderr, "%s\n", words);
	ntm_wipe(&lease, sizeof(lease));
	return code;
}
