/* SPDX-License-Identifier: BSD-2-Clause */
/* The verb `join`: one exchange with the DC that the token names; the answer becomes the lease. */
#include "cli.h"
#include "join_keys.h"

#include "ntm/daemon.h"
#include "ntm/link.h"
#include "ntm/loop.h"
#include "ntm/udp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define JOIN_MS 5000

struct join {
	struct node_lease lease;
	struct ntm_loop *loop;
	struct ntm_udp *udp;
	struct ntm_links *links;
	struct ntm_link *link;
	struct ntm_timer deadline;
	int result; /* 0: joined; negative errno */
	char words[256];
};

static void on_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct join *join = ctx;

	ntm_udp_send(join->udp, to, frame, len);
}

static void on_udp(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct join *join = ctx;

	ntm_links_input(join->links, from, pkt);
}

static void on_answer(void *ctx, struct ntm_link *link, void *owner, const uint8_t *payload,
		      size_t len)
{
	struct join *join = ctx;
	struct ntm_join_answer answer;

	(void)link;
	(void)owner;
	join->result = ntm_join_answer_decode(&answer, payload, len);
	if (join->result == 0)
		join->result = lease_from_answer(&join->lease, &answer, time(NULL), join->words,
						 sizeof(join->words));
	else
		snprintf(join->words, sizeof(join->words), "the DC's answer is malformed");
	ntm_loop_stop(join->loop);
}

static void on_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	(void)link;
	(void)owner;
	(void)why;
	struct join *join = ctx;

	ntm_loop_stop(join->loop);
}

static void on_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	(void)ctx;
	(void)link;
	(void)owner;
	(void)fresh;
}

static void on_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	(void)ctx;
	(void)link;
	(void)owner;
	(void)pkt;
}

static void on_deadline(void *arg)
{
	struct join *join = arg;

	ntm_loop_stop(join->loop);
}

static int open_all(struct join *join)
{
	static const struct ntm_links_ops ops = {.send = on_send,
						 .up = on_up,
						 .down = on_down,
						 .input = on_input,
						 .answer = on_answer};
	join->loop = ntm_loop_new();
	if (join->loop == NULL)
		return -ENOMEM;
	struct ntm_udp_args udp = {.loop = join->loop, .fn = on_udp, .ctx = join};
	int err = ntm_udp_open(&udp, &join->udp);
	if (err != 0)
		return err;
	struct ntm_links_args links = {
		.ops = &ops,
		.ctx = join,
		.keys = &join->lease.keys,
		.timers = ntm_loop_timers(join->loop),
	};
	join->links = ntm_links_new(&links);
	return join->links == NULL ? -ENOMEM : 0;
}

static int exchange(struct join *join, const struct ntm_token *token)
{
	struct ntm_join_request request;
	uint8_t payload[128];
	struct ntm_addr candidates[2];
	size_t count = 0;

	for (size_t i = 0; i < 2; i++)
		if (token->dc[i].ip.family != 0)
			candidates[count++] = token->dc[i];
	memcpy(request.secret, token->secret, sizeof(request.secret));
	struct ntm_link_args args = {
		.purpose = NTM_PURPOSE_JOIN,
		.remote_static = token->dc_key,
		.candidate_count = count,
		.candidates = candidates,
		.initiator = true,
		.one_shot = true,
		.payload = payload,
		.payload_len = ntm_join_request_encode(&request, payload, sizeof(payload)),
	};
	int err = ntm_link_open(join->links, &args, &join->link);
	ntm_wipe(&request, sizeof(request));
	ntm_wipe(payload, sizeof(payload));
	if (err != 0)
		return err;
	join->result = -ETIMEDOUT;
	ntm_timer_init(&join->deadline, on_deadline, join);
	ntm_timer_set(ntm_loop_timers(join->loop), &join->deadline, JOIN_MS);
	return ntm_loop_run(join->loop);
}

static void close_all(struct join *join)
{
	ntm_links_free(join->links);
	ntm_udp_free(join->udp);
	ntm_loop_free(join->loop);
}

static int read_token(const char *arg, struct ntm_token *token)
{
	char line[NTM_TOKEN_STR + 2];

	if (strcmp(arg, "-") == 0) {
		if (fgets(line, sizeof(line), stdin) == NULL)
			line[0] = '\0';
		arg = line;
	}
	int err = ntm_token_parse(token, arg);
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

	if (cli->force || lease_load(&old, cli->conf.state_dir, words, sizeof(words)) == -ENOENT)
		return NTM_EXIT_OK;
	fprintf(stderr, "ntm-node: this host is %s already; --force gives that up\n",
		old.fqdn[0] != '\0' ? old.fqdn : "a node");
	ntm_wipe(&old, sizeof(old));
	return NTM_EXIT_FAILED;
}

/* Before the token is used: after that, a lease that cannot be saved would be lost. */
static int make_dir(const struct cli *cli)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (geteuid() == 0 && cli->conf.user[0] != '\0' &&
	    ntm_user_find(cli->conf.user, &uid, &gid) != 0) {
		fprintf(stderr,
			"ntm-node: there is no user %s: `useradd --system %s`, or set user in the "
			"configuration\n",
			cli->conf.user, cli->conf.user);
		return NTM_EXIT_FAILED;
	}
	int err = ntm_dir_make(cli->conf.state_dir, 0700, uid, gid);
	if (err == 0)
		return NTM_EXIT_OK;
	fprintf(stderr, "ntm-node: %s: %s\n", cli->conf.state_dir, strerror(-err));
	return err == -EACCES || err == -EPERM ? NTM_EXIT_NOT_ALLOWED : NTM_EXIT_FAILED;
}

static int save(const struct cli *cli, struct join *join)
{
	if (lease_save(&join->lease, cli->conf.state_dir, join->words, sizeof(join->words)) == 0) {
		join_keys_done(cli->conf.state_dir);
		return NTM_EXIT_OK;
	}
	fprintf(stderr, "ntm-node: %s\n", join->words);
	return NTM_EXIT_FAILED;
}

static int explain(const struct join *join, const struct ntm_token *token)
{
	char addr[NTM_ADDR_STR];

	if (join->result != -ETIMEDOUT) {
		fprintf(stderr, "ntm-node: %s\n",
			join->words[0] != '\0' ? join->words : strerror(-join->result));
		return NTM_EXIT_FAILED;
	}
	fprintf(stderr,
		"ntm-node: the DC at %s did not answer. Is UDP port %u reachable from here? Was "
		"the token used before, or has it expired? The DC stays silent on both; "
		"`ntm-dc node show %s` there tells.\n",
		ntm_addr_str(&token->dc[token->dc[0].ip.family == 0], addr),
		token->dc[token->dc[0].ip.family == 0].port, token->fqdn);
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
	json_dumpf(out, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(out);
}

static int join_with(struct cli *cli, const struct ntm_token *token)
{
	struct join join = {0};

	if (token->expires_s < time(NULL)) {
		fputs("ntm-node: the token has expired: ask for a new one (`ntm-dc node add`)\n",
		      stderr);
		return NTM_EXIT_FAILED;
	}
	lease_from_token(&join.lease, token);
	int err = join_keys(&join.lease.keys, token, cli->conf.state_dir, join.words,
			    sizeof(join.words));
	if (err == 0)
		err = open_all(&join);
	if (err == 0)
		err = exchange(&join, token);
	if (err != 0)
		join.result = err;
	close_all(&join);
	int code = join.result == 0 ? save(cli, &join) : explain(&join, token);
	if (code == NTM_EXIT_OK)
		print_lease(&join.lease, cli->json);
	ntm_wipe(&join, sizeof(join));
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
	code = make_dir(cli);
	if (code == NTM_EXIT_OK)
		code = join_with(cli, &token);
	ntm_wipe(&token, sizeof(token));
	return code;
}
