/* SPDX-License-Identifier: BSD-2-Clause */
/* ntm-dc's command line. */
#include "dc_cli.h"

#include "dc_daemon.h"

#include "ntm/control.h"
#include "ntm/log.h"
#include "ntm/map.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASK_MS 5000

struct verb {
	const char *name;
	int (*run)(struct dc_cli *cli);
	int min_args, max_args;
	bool wants_conf;
	const char *args, *help;
};

static int cmd_version(struct dc_cli *cli)
{
	(void)cli;
	puts("ntm-dc " NTM_VERSION);
	return NTM_EXIT_OK;
}

int dc_cli_fail(int err, const char *words)
{
	bool is_denied = err == -EACCES || err == -EPERM;

	fprintf(stderr, "ntm-dc: %s%s\n", words,
		err == -EACCES && geteuid() != 0 ? ": use sudo" : "");
	return is_denied ? NTM_EXIT_NOT_ALLOWED : NTM_EXIT_FAILED;
}

static int with_domain(struct dc_cli *cli, int (*work)(struct domain *domain))
{
	struct domain domain;
	char words[DOMAIN_WORDS];
	int err = domain_open(&domain, &cli->conf, words);

	if (err != 0)
		return dc_cli_fail(err, words);
	err = work(&domain);
	domain_close(&domain);
	return err == 0 ? NTM_EXIT_OK : NTM_EXIT_FAILED;
}

static int cmd_run(struct dc_cli *cli)
{
	uint8_t seed[16];

	ntm_random(seed, sizeof(seed));
	ntm_map_seed(seed);
	return with_domain(cli, dc_daemon_run);
}

static int check_domain(struct domain *domain)
{
	struct zone zone;
	char key[NTM_FINGERPRINT_STR], prefix4[NTM_PREFIX_STR], prefix6[NTM_PREFIX_STR];
	int err = dc_daemon_zone(domain, &zone);

	if (err != 0)
		fputs("ntm-dc: the zone cannot be served\n", stderr);
	else
		printf("%s: ok, root %s, virtual addresses %s and %s\n", domain->settings.domain,
		       ntm_fingerprint(domain->root.pub, key),
		       ntm_prefix_str(&domain->settings.prefix4, prefix4),
		       ntm_prefix_str(&domain->settings.prefix6, prefix6));
	return err;
}

static int cmd_check(struct dc_cli *cli)
{
	return with_domain(cli, check_domain);
}

static const struct verb verbs[] = {
	{"init", dc_cmd_init, 0, 0, false, "", "make a domain: configuration, keys, database"},
	{"node", dc_cmd_node, 1, 3, true, "add NAME | list | show NAME | revoke NAME",
	 "the domain's nodes; add prints a join token"},
	{"", dc_cmd_node, 1, 3, true, "exit NAME on|off", "whether a node may use gateways"},
	{"relay", dc_cmd_relay, 1, 2, true, "add NAME | list | show NAME | revoke NAME",
	 "relays, for nodes that both are behind NATs"},
	{"trust", dc_cmd_trust, 1, 2, true, "add DOMAIN | list | remove DOMAIN | export",
	 "other domains that may call, and be called"},
	{"run", cmd_run, 0, 0, true, "", "serve the domain until SIGTERM"},
	{"check", cmd_check, 0, 0, true, "", "check configuration, keys and database"},
	{"status", dc_cmd_status, 0, 0, true, "", "what the running DC does"},
	{"version", cmd_version, 0, 0, false, "", "print the version"},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void print_usage(FILE *out)
{
	fputs("usage: ntm-dc [-c FILE] [--json] VERB [ARGUMENT...]\n\n", out);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(out, "  %-8s %-42s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
	fputs("\n  -c, --config FILE    configuration (default: " DC_CONF_PATH ")\n"
	      "      --json           data as JSON (node, relay, trust, status)\n"
	      "      --expires TIME   node add, relay add: validity of the token, such as 2h or "
	      "3d\n"
	      "                       (24h)\n"
	      "      --gateway        relay add: it is an exit to general servers, too\n"
	      "trust add:\n"
	      "      --root KEY       the domain's root key, as `ntm-dc trust export` there says\n"
	      "      --prefix P       its virtual addresses; twice for IPv4 and IPv6\n"
	      "      --mode MODE      how the root key becomes known: pinned (given here, the\n"
	      "                       default), dnssec or tofu (by its DC, at first use)\n"
	      "      --allow NAME     a node that may be called from there, or none (all); may\n"
	      "                       be given again\n"
	      "init:\n"
	      "      --domain NAME    the DNS zone, such as ntm.example\n"
	      "      --address ADDR   public address of this host; twice for IPv4 and IPv6\n"
	      "      --prefix4 P      virtual IPv4 addresses (a /20 of 198.18.0.0/15, by the root "
	      "key)\n"
	      "      --prefix6 P      virtual IPv6 addresses (a ULA prefix, by the root key)\n"
	      "      --sip NAME       a node with a SIP server; may be given again\n"
	      "      --state-dir DIR  keys and database (" NTM_STATEDIR ")\n"
	      "      --run-dir DIR    control socket (" NTM_RUNDIR ")\n"
	      "      --user NAME      whom the daemon becomes (ntm)\n"
	      "  -h, --help           this page; `man ntm-dc` tells more\n",
	      out);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (verbs[i].name[0] != '\0' && strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int parse_duration(const char *text, int64_t *seconds)
{
	static const char units[] = "smhd";
	static const int64_t factor[] = {1, 60, 3600, 86400};
	char *end;
	long long value = strtoll(text, &end, 10);
	const char *unit = *end != '\0' ? strchr(units, *end) : NULL;

	if (end == text || value <= 0 || value > 100000 || unit == NULL || end[1] != '\0')
		return -EINVAL;
	*seconds = value * factor[unit - units];
	return 0;
}

/* False: it is full. */
static bool add_string(struct ntm_strings *list, char *text)
{
	if (list->count >= NTM_LIST_MAX)
		return false;
	list->item[list->count++] = text;
	return true;
}

enum {
	OPT_DOMAIN = 1000,
	OPT_ADDRESS,
	OPT_PREFIX4,
	OPT_PREFIX6,
	OPT_SIP,
	OPT_STATE_DIR,
	OPT_RUN_DIR,
	OPT_USER,
	OPT_ROOT,
	OPT_PREFIX,
	OPT_MODE,
	OPT_ALLOW,
	OPT_GATEWAY,
};

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"json", no_argument, NULL, 'j'},
	{"expires", required_argument, NULL, 'e'},
	{"domain", required_argument, NULL, OPT_DOMAIN},
	{"address", required_argument, NULL, OPT_ADDRESS},
	{"prefix4", required_argument, NULL, OPT_PREFIX4},
	{"prefix6", required_argument, NULL, OPT_PREFIX6},
	{"sip", required_argument, NULL, OPT_SIP},
	{"state-dir", required_argument, NULL, OPT_STATE_DIR},
	{"run-dir", required_argument, NULL, OPT_RUN_DIR},
	{"user", required_argument, NULL, OPT_USER},
	{"root", required_argument, NULL, OPT_ROOT},
	{"prefix", required_argument, NULL, OPT_PREFIX},
	{"mode", required_argument, NULL, OPT_MODE},
	{"allow", required_argument, NULL, OPT_ALLOW},
	{"gateway", no_argument, NULL, OPT_GATEWAY},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* False: print the usage. */
static bool take_option(struct dc_cli *cli, int option)
{
	switch (option) {
	case 'c':
		cli->conf_path = optarg;
		return true;
	case 'j':
		cli->json = true;
		return true;
	case 'e':
		return parse_duration(optarg, &cli->expires_s) == 0;
	case OPT_DOMAIN:
		cli->domain = optarg;
		return true;
	case OPT_ADDRESS:
		return add_string(&cli->addresses, optarg);
	case OPT_PREFIX4:
		cli->prefix4 = optarg;
		return true;
	case OPT_PREFIX6:
		cli->prefix6 = optarg;
		return true;
	case OPT_SIP:
		return add_string(&cli->sip, optarg);
	case OPT_STATE_DIR:
		cli->state_dir = optarg;
		return true;
	case OPT_RUN_DIR:
		cli->run_dir = optarg;
		return true;
	case OPT_USER:
		cli->user = optarg;
		return true;
	case OPT_ROOT:
		cli->root = optarg;
		return true;
	case OPT_PREFIX:
		return add_string(&cli->prefixes, optarg);
	case OPT_MODE:
		cli->mode = optarg;
		return true;
	case OPT_ALLOW:
		return add_string(&cli->allow, optarg);
	case OPT_GATEWAY:
		cli->gateway = true;
		return true;
	default:
		return false;
	}
}

/* -1: go on; else an exit code. */
static int parse_options(struct dc_cli *cli, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (option == 'h') {
			print_usage(stdout);
			return NTM_EXIT_OK;
		}
		if (take_option(cli, option))
			continue;
		if (option == 'e')
			fputs("ntm-dc: --expires: expected a time such as 2h or 3d\n", stderr);
		else
			print_usage(stderr);
		return NTM_EXIT_USAGE;
	}
	return -1;
}

int dc_cli_read_conf(struct dc_cli *cli)
{
	char words[2048] = "";
	int err = dc_conf_load(&cli->conf, cli->conf_path, words, sizeof(words));

	if (err == 0) {
		ntm_log_set_level((enum ntm_log_level)cli->conf.log_level);
		return NTM_EXIT_OK;
	}
	if (err == -ENOENT)
		fprintf(stderr,
			"ntm-dc: %s: not there: `ntm-dc init --domain NAME --address ADDR` "
			"writes it\n",
			cli->conf_path != NULL ? cli->conf_path : DC_CONF_PATH);
	else
		fprintf(stderr, "%s\n", words[0] != '\0' ? words : strerror(-err));
	return NTM_EXIT_BAD_CONFIG;
}

int dc_cli_main(int argc, char **argv)
{
	struct dc_cli cli = {.expires_s = 86400};
	int code = parse_options(&cli, argc, argv);

	if (code >= 0)
		return code;
	const struct verb *verb = optind < argc ? find_verb(argv[optind]) : NULL;
	if (verb == NULL) {
		if (optind < argc)
			fprintf(stderr, "ntm-dc: no such verb: %s\n\n", argv[optind]);
		print_usage(stderr);
		return NTM_EXIT_USAGE;
	}
	cli.argc = argc - optind - 1;
	cli.argv = argv + optind + 1;
	if (cli.argc < verb->min_args || cli.argc > verb->max_args) {
		fprintf(stderr, "usage: ntm-dc %s %s\n", verb->name, verb->args);
		return NTM_EXIT_USAGE;
	}
	if (ntm_crypto_init() != 0) {
		fputs("ntm-dc: the system gives no random numbers\n", stderr);
		return NTM_EXIT_FAILED;
	}
	if (!verb->wants_conf)
		return verb->run(&cli);
	code = dc_cli_read_conf(&cli);
	if (code != NTM_EXIT_OK)
		return code;
	code = verb->run(&cli);
	dc_conf_free(&cli.conf);
	return code;
}

static void on_reply(void *ctx, const json_t *reply)
{
	json_t **out = ctx;

	json_decref(*out);
	*out = json_deep_copy(reply);
}

int dc_cli_ask(const struct dc_cli *cli, json_t *request, json_t **reply)
{
	char path[DC_PATH_STR];
	int err = request == NULL ? -ENOMEM
				  : ntm_control_call(dc_conf_socket(&cli->conf, path), request,
						     ASK_MS, on_reply, reply);
	const char *error = json_string_value(json_object_get(*reply, "error"));

	json_decref(request);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return NTM_EXIT_NOT_RUNNING;
	if (err == -EACCES || json_is_true(json_object_get(*reply, "denied"))) {
		fputs("ntm-dc: not allowed: use sudo, or become a member of the group ntm\n",
		      stderr);
		return NTM_EXIT_NOT_ALLOWED;
	}
	if (err != 0) {
		fprintf(stderr, "ntm-dc: %s: %s\n", path, strerror(-err));
		return err == -ETIMEDOUT ? NTM_EXIT_TIMED_OUT : NTM_EXIT_FAILED;
	}
	if (error == NULL)
		return NTM_EXIT_OK;
	fprintf(stderr, "ntm-dc: %s\n", error);
	return NTM_EXIT_FAILED;
}
