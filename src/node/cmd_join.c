/* SPDX-License-Identifier: BSD-2-Clause */
/* The verb `join`: one exchange with the DC that the token names; the answer becomes the lease. */
#include "cli.h"
#include "join_keys.h"

#include "ntm/join.h"
#include "ntm/loop.h"
#include "ntm/udp.h"
#include "ntm/verb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct joining {
	struct node_lease lease;
	struct ntm_loop *loop;
	struct ntm_udp *udp;
	struct ntm_join *join;
	int result; /* 0: joined; negative errno */
	char words[256];
};

static void on_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct joining *joining = ctx;

	(void)ntm_udp_send(joining->udp, to, frame, len);
}

static void on_udp(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct joining *joining = ctx;

	ntm_join_input(joining->join, from, pkt);
}

static void on_done(void *ctx, int err, const struct ntm_join_answer *answer)
{
	struct joining *joining = ctx;

	joining->result = err;
	if (err == 0)
		joining->result = lease_from_answer(&joining->lease, answer, time(NULL),
						    joining->words, sizeof(joining->words));
	else if (err == -EBADMSG)
		snprintf(joining->words, sizeof(joining->words), "the DC's answer is malformed");
	ntm_loop_stop(joining->loop);
}

static int exchange(struct joining *joining, const struct ntm_token *token)
{
	struct ntm_udp_args udp = {.loop = joining->loop, .fn = on_udp, .ctx = joining};
	struct ntm_join_args args = {
		.token = token,
		.keys = &joining->lease.keys,
		.timers = ntm_loop_timers(joining->loop),
		.send = on_send,
		.done = on_done,
		.ctx = joining,
	};
	int err = ntm_udp_open(&udp, &joining->udp);

	if (err == 0)
		err = ntm_join_start(&args, &joining->join);
	return err != 0 ? err : ntm_loop_run(joining->loop);
}

static int read_token(const char *arg, struct ntm_token *token)
{
	char line[NTM_TOKEN_STR + 2];
	int err = ntm_token_parse(token, ntm_verb_arg(arg, line, sizeof(line)));

	ntm_wipe(line, sizeof(line));
	if (err == 0 && token->kind == NTM_TOKEN_NODE)
		return 0;
	fprintf(stderr, "ntm-node: %s\n",
		err == 0          ? "this token is for a relay: ntm-relay join takes it"
		: err == -EBADMSG ? "the token is cut or mistyped: paste the whole line"
		: err == -ENOTSUP ? "the token is of another version of NTM"
				  : "this is no join token: it begins with ntm1.");
	ntm_wipe(token, sizeof(*token));
	return err != 0 ? err : -EPROTO;
}

static int refuse_second_lease(const struct cli *cli)
{
	struct node_lease old;
	char words[300];

	if (cli->force)
		return NTM_EXIT_OK;
	int err = lease_load(&old, cli->conf.state_dir, words, sizeof(words));
	if (err == -ENOENT)
		return NTM_EXIT_OK;
	if (err == -EACCES) {
		fprintf(stderr, "ntm-node: %s\n", words);
		return NTM_EXIT_NOT_ALLOWED;
	}
	fprintf(stderr, "ntm-node: this host is %s already; --force gives that up\n",
		old.fqdn[0] != '\0' ? old.fqdn : "a node");
	ntm_wipe(&old, sizeof(old));
	return NTM_EXIT_FAILED;
}

static int save(const struct cli *cli, struct joining *joining)
{
	if (lease_save(&joining->lease, cli->conf.state_dir, joining->words,
		       sizeof(joining->words)) == 0) {
		join_keys_done(cli->conf.state_dir);
		return NTM_EXIT_OK;
	}
	fprintf(stderr, "ntm-node: %s\n", joining->words);
	return NTM_EXIT_FAILED;
}

static int explain(const struct joining *joining, const struct ntm_token *token)
{
	char addr[NTM_ADDR_STR];

	if (joining->result != -ETIMEDOUT) {
		fprintf(stderr, "ntm-node: %s\n",
			joining->words[0] != '\0' ? joining->words : strerror(-joining->result));
		return NTM_EXIT_FAILED;
	}
	fprintf(stderr,
		"ntm-node: the DC at %s did not answer. Is UDP port %u reachable from here? Was "
		"the token used before, or has it expired? The DC stays silent on both; "
		"`ntm-dc status` there tells.\n",
		ntm_addr_str(&token->dc[token->dc[0].ip.family == 0], addr),
		token->dc[token->dc[0].ip.family == 0].port);
	return NTM_EXIT_TIMED_OUT;
}

static void print_lease(const struct node_lease *lease, bool json)
{
	char vip4[NTM_IP_STR], vip6[NTM_IP_STR];

	ntm_ip_str(&lease->vip4, vip4);
	ntm_ip_str(&lease->vip6, vip6);
	if (!json) {
		printf("joined %s as %s with %s and %s\n", lease->domain, lease->fqdn, vip4, vip6);
		return;
	}
	json_t *out = json_pack("{s:s, s:s, s:s, s:s}", "domain", lease->domain, "name",
				lease->fqdn, "vip4", vip4, "vip6", vip6);
	ntm_verb_print(out);
	json_decref(out);
}

static int join_with(struct cli *cli, const struct ntm_token *token)
{
	struct joining joining = {0};

	if (token->expires_s < time(NULL)) {
		fputs("ntm-node: the token has expired: ask for a new one (`ntm-dc node add`), "
		      "unless this host's clock is wrong\n",
		      stderr);
		return NTM_EXIT_FAILED;
	}
	lease_from_token(&joining.lease, token);
	joining.loop = ntm_loop_new();
	int err = joining.loop == NULL ? -ENOMEM
				       : join_keys(&joining.lease.keys, token, cli->conf.state_dir,
						   joining.words, sizeof(joining.words));
	if (err == 0)
		err = exchange(&joining, token);
	if (err != 0)
		joining.result = err;
	ntm_join_free(joining.join);
	ntm_udp_free(joining.udp);
	ntm_loop_free(joining.loop);
	int code = joining.result == 0 ? save(cli, &joining) : explain(&joining, token);
	if (code == NTM_EXIT_OK)
		print_lease(&joining.lease, cli->json);
	ntm_wipe(&joining, sizeof(joining));
	return code;
}

int cmd_join(struct cli *cli)
{
	struct ntm_token token;
	int code = refuse_second_lease(cli);

	if (code != NTM_EXIT_OK)
		return code;
	if (read_token(cli->argv[0], &token) != 0)
		return NTM_EXIT_FAILED;
	/* Before the token is used: after that, a lease that cannot be saved would be lost. */
	code = ntm_verb_state_dir("ntm-node", cli->conf.state_dir, cli->conf.user);
	if (code == NTM_EXIT_OK)
		code = join_with(cli, &token);
	ntm_wipe(&token, sizeof(token));
	return code;
}
