/* SPDX-License-Identifier: BSD-2-Clause */
/* ntm-relay's command line. */
#include "relay_cli.h"

#include "relay_daemon.h"

#include "ntm/log.h"
#include "ntm/map.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct verb {
	const char *name;
	int (*run)(struct relay_cli *cli);
	int args_count;
	bool wants_conf;
	const char *args, *help;
};

static int cmd_version(struct relay_cli *cli)
{
	(void)cli;
	puts("ntm-relay " NTM_VERSION);
	return NTM_EXIT_OK;
}

static int cmd_run(struct relay_cli *cli)
{
	uint8_t seed[16];

	ntm_random(seed, sizeof(seed));
	ntm_map_seed(seed);
	return relay_daemon_run(&cli->conf);
}

static const struct verb verbs[] = {
	{"join", relay_cmd_join, 1, true, "TOKEN|-",
	 "become a relay of a domain; `-` reads the token from standard input"},
	{"run", cmd_run, 0, true, "", "forward until SIGTERM"},
	{"check", relay_cmd_check, 0, true, "", "check configuration and lease"},
	{"status", relay_cmd_status, 0, true, "", "what the running relay does"},
	{"flows", relay_cmd_flows, 0, true, "", "who is relayed, and how much"},
	{"drain", relay_cmd_drain, 0, true, "", "take no new flow, and end with the last one"},
	{"exits", relay_cmd_exits, 0, true, "", "nodes that go out through this gateway"},
	{"version", cmd_version, 0, false, "", "print the version"},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void print_usage(FILE *out)
{
	fputs("usage: ntm-relay [-c FILE] [--json] VERB [ARGUMENT]\n\n", out);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(out, "  %-8s %-9s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
	fputs("\n  -c, --config FILE  configuration (default: " RELAY_CONF_PATH ")\n"
	      "      --json         data as JSON (join, status, flows, exits, drain)\n"
	      "      --force        join: forget the domain that this host had joined\n"
	      "  -h, --help         this page; `man ntm-relay` tells more\n",
	      out);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

/* Options may stand before and behind the verb. -1: go on; else an exit code. */
static int parse_options(struct relay_cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{"force", no_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
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
		default:
			print_usage(stderr);
			return NTM_EXIT_USAGE;
		}
	}
	return -1;
}

static int run_with_conf(struct relay_cli *cli, const struct verb *verb)
{
	char words[2048] = "";
	int err = relay_conf_load(&cli->conf, cli->conf_path, words, sizeof(words));

	if (err != 0) {
		fprintf(stderr, "%s\n", words[0] != '\0' ? words : strerror(-err));
		return NTM_EXIT_BAD_CONFIG;
	}
	ntm_log_set_level((enum ntm_log_level)cli->conf.log_level);
	int code = verb->run(cli);
	relay_conf_free(&cli->conf);
	return code;
}

int relay_cli_main(int argc, char **argv)
{
	struct relay_cli cli = {0};
	int code = parse_options(&cli, argc, argv);

	if (code >= 0)
		return code;
	const struct verb *verb = optind < argc ? find_verb(argv[optind]) : NULL;
	if (verb == NULL) {
		if (optind < argc)
			fprintf(stderr, "ntm-relay: no such verb: %s\n\n", argv[optind]);
		print_usage(stderr);
		return NTM_EXIT_USAGE;
	}
	cli.argc = argc - optind - 1;
	cli.argv = argv + optind + 1;
	if (cli.argc != verb->args_count) {
		if (cli.argc > verb->args_count)
			fprintf(stderr,
				"ntm-relay: %s is one word too many; a token has no blanks and no "
				"line breaks\n",
				cli.argv[verb->args_count]);
		fprintf(stderr, "usage: ntm-relay %s %s\n", verb->name, verb->args);
		return NTM_EXIT_USAGE;
	}
	if (!verb->wants_conf)
		return verb->run(&cli);
	if (ntm_crypto_init() != 0) {
		fputs("ntm-relay: the system gives no random numbers\n", stderr);
		return NTM_EXIT_FAILED;
	}
	return run_with_conf(&cli, verb);
}
