/* SPDX-License-Identifier: BSD-2-Clause */
/* A crowd of nodes in one process: each joins a DC with a token from stdin, registers, and stays.
 */
#include "ntm/ctl.h"
#include "ntm/log.h"
#include "ntm/loop.h"
#include "ntm/payload.h"
#include "ntm/token.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACE_MS 4 /* between two members: a crowd, not a flood */

struct crowd;

struct member {
	struct crowd *crowd;
	struct ntm_token token;
	int fd; /* one a member, as if each were a host of its own behind the same address */
	struct ntm_watch *watch;
	struct ntm_keys keys;
	struct ntm_links *links;
	struct ntm_link *join, *link;
	struct ntm_ctl *ctl;
	bool registered;
};

struct crowd {
	struct ntm_loop *loop;
	struct ntm_timer pace, once_more;
	struct member *member;
	size_t count, started, registered;
	int64_t start_ms;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "ntm-crowd: %s: %s\n", what, strerror(err < 0 ? -err : errno));
	exit(1);
}

/* ---- one member ---- */

static void on_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct member *member = ctx;
	struct sockaddr_storage sa;
	unsigned sa_len = ntm_addr_to_sockaddr(to, false, &sa);

	(void)!sendto(member->fd, frame, len, 0, (struct sockaddr *)&sa, sa_len);
}

static void on_readable(void *arg, unsigned events)
{
	static struct ntm_pkt pkt;
	struct member *member = arg;
	struct sockaddr_storage sa;
	socklen_t sa_len = sizeof(sa);
	struct ntm_addr from;

	(void)events;
	ntm_pkt_reset(&pkt);
	ssize_t len =
		recvfrom(member->fd, pkt.data, NTM_PKT_MAX, 0, (struct sockaddr *)&sa, &sa_len);
	if (len < 0 || ntm_addr_from_sockaddr(&from, (struct sockaddr *)&sa) != 0)
		return;
	pkt.len = (size_t)len;
	ntm_links_input(member->links, &from, &pkt);
}

static void on_registered(void *arg, int err, const struct ntm_msg *reply)
{
	struct member *member = arg;
	struct crowd *crowd = member->crowd;

	if (err != 0 || reply->type != NTM_MSG_REGISTERED)
		return;
	ntm_link_set_keepalive(member->link, (int64_t)reply->registered.keepalive_s * 1000);
	if (member->registered)
		return;
	member->registered = true;
	if (++crowd->registered < crowd->count)
		return;
	printf("registered %zu in %lld ms\n", crowd->count,
	       (long long)(ntm_loop_timers(crowd->loop)->now_ms - crowd->start_ms));
	fflush(stdout);
}

static void send_register(struct member *member)
{
	struct ntm_msg msg = {.type = NTM_MSG_REGISTER, .reg.boot_id = 1};

	(void)ntm_ctl_request(member->ctl, &msg, on_registered, member, NULL);
}

static void on_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	struct member *member = ctx;

	(void)link;
	(void)owner;
	if (fresh)
		send_register(member);
	ntm_ctl_kick(member->ctl, 0);
}

static void open_link(struct member *member, uint8_t purpose, const uint8_t *payload,
		      size_t payload_len, struct ntm_link **link)
{
	bool is_join = purpose == NTM_PURPOSE_JOIN;
	struct ntm_link_args args = {.purpose = purpose,
				     .remote_static = member->token.dc_key,
				     .candidate_count = 1,
				     .candidates = &member->token.dc[0],
				     .initiator = true,
				     .persistent = !is_join,
				     .one_shot = is_join,
				     .payload = payload,
				     .payload_len = payload_len};
	int err = ntm_link_open(member->links, &args, link);

	if (err != 0)
		die("link", err);
}

static void on_answer(void *ctx, struct ntm_link *link, void *owner, const uint8_t *payload,
		      size_t len)
{
	struct member *member = ctx;

	(void)link;
	(void)owner;
	(void)payload;
	(void)len;
	if (member->link != NULL)
		return;
	open_link(member, NTM_PURPOSE_NODE, NULL, 0, &member->link);
	ntm_ctl_set_link(member->ctl, member->link);
}

static void join(struct member *member)
{
	struct ntm_join_request request;
	uint8_t payload[NTM_HS_PAYLOAD_MAX];

	memcpy(request.secret, member->token.secret, sizeof(request.secret));
	size_t len = ntm_join_request_encode(&request, payload, sizeof(payload));
	open_link(member, NTM_PURPOSE_JOIN, payload, len, &member->join);
}

/* A join is one shot; on a loaded machine an answer may come too late. */
static void on_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	struct member *member = ctx;

	(void)owner;
	if (link != member->join || why != NTM_DOWN_NO_ANSWER || member->link != NULL)
		return;
	ntm_link_free(link);
	join(member);
}

static void on_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	struct member *member = ctx;

	(void)link;
	(void)owner;
	if (pkt->data[0] == NTM_CTL_KIND)
		(void)ntm_ctl_input(member->ctl, pkt->data, pkt->len);
}

static void on_request(void *ctx, const struct ntm_msg *req)
{
	(void)ctx;
	(void)req; /* nobody is called here */
}

static void member_start(struct member *member)
{
	static const struct ntm_links_ops ops = {
		.send = on_send,
		.up = on_up,
		.down = on_down,
		.input = on_input,
		.answer = on_answer,
	};
	struct ntm_timers *timers = ntm_loop_timers(member->crowd->loop);
	struct ntm_links_args links = {.ops = &ops,
				       .ctx = member,
				       .keys = &member->keys,
				       .timers = timers};
	struct ntm_ctl_args ctl = {.timers = timers, .on_request = on_request, .ctx = member};
	int family = member->token.dc[0].ip.family == 4 ? AF_INET : AF_INET6;

	ntm_keys_make(&member->keys);
	member->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (member->fd < 0 || ntm_loop_watch(member->crowd->loop, member->fd, NTM_LOOP_READ,
					     on_readable, member, &member->watch) != 0)
		die("socket", 0);
	member->links = ntm_links_new(&links);
	member->ctl = ntm_ctl_new(&ctl);
	if (member->links == NULL || member->ctl == NULL)
		die("member", -ENOMEM);
	join(member);
}

static void member_stop(struct member *member)
{
	if (member->links == NULL)
		return;
	ntm_ctl_free(member->ctl);
	ntm_links_free(member->links);
	ntm_watch_free(member->watch);
	close(member->fd);
}

/* ---- all of them ---- */

static void on_pace(void *arg)
{
	struct crowd *crowd = arg;

	if (crowd->started == crowd->count)
		return;
	member_start(&crowd->member[crowd->started++]);
	ntm_timer_set(ntm_loop_timers(crowd->loop), &crowd->pace, PACE_MS);
}

/* Registrations run out after two minutes; a lost REGISTER is mended sooner. */
static void on_once_more(void *arg)
{
	struct crowd *crowd = arg;

	for (size_t i = 0; i < crowd->started; i++)
		if (crowd->member[i].link != NULL &&
		    ntm_link_state(crowd->member[i].link) == NTM_LINK_UP)
			send_register(&crowd->member[i]);
	ntm_timer_set(ntm_loop_timers(crowd->loop), &crowd->once_more, 30000);
}

static void read_tokens(struct crowd *crowd)
{
	char line[NTM_TOKEN_STR + 2];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		crowd->member =
			reallocarray(crowd->member, crowd->count + 1, sizeof(*crowd->member));
		if (crowd->member == NULL)
			die("tokens", -ENOMEM);
		struct member *member = &crowd->member[crowd->count++];
		*member = (struct member){.crowd = crowd};
		int err = ntm_token_parse(&member->token, line);
		if (err != 0)
			die("token", err);
	}
}

static void allow_sockets(size_t count)
{
	struct rlimit limit = {.rlim_cur = count + 100, .rlim_max = count + 100};
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur < limit.rlim_cur) {
		if (now.rlim_max >= limit.rlim_cur)
			limit.rlim_max = now.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			die("descriptors", 0);
	}
}

static void on_signal(void *arg, int signo)
{
	struct crowd *crowd = arg;

	(void)signo;
	ntm_loop_stop(crowd->loop);
}

int main(int argc, char **argv)
{
	struct crowd crowd = {.loop = ntm_loop_new()};

	if (argc > 1) {
		fprintf(stderr, "usage: %s < TOKENS\n", argv[0]);
		return 2;
	}
	if (crowd.loop == NULL || ntm_crypto_init() != 0)
		die("start", -ENOMEM);
	read_tokens(&crowd);
	allow_sockets(crowd.count);
	crowd.start_ms = ntm_loop_timers(crowd.loop)->now_ms;
	ntm_timer_init(&crowd.pace, on_pace, &crowd);
	ntm_timer_init(&crowd.once_more, on_once_more, &crowd);
	ntm_timer_set(ntm_loop_timers(crowd.loop), &crowd.pace, 0);
	ntm_timer_set(ntm_loop_timers(crowd.loop), &crowd.once_more, 30000);
	if (ntm_loop_signal(crowd.loop, SIGTERM, on_signal, &crowd) != 0 ||
	    ntm_loop_signal(crowd.loop, SIGINT, on_signal, &crowd) != 0)
		die("signals", -ENOMEM);
	int err = ntm_loop_run(crowd.loop);
	for (size_t i = 0; i < crowd.count; i++)
		member_stop(&crowd.member[i]);
	ntm_timer_del(ntm_loop_timers(crowd.loop), &crowd.pace);
	ntm_timer_del(ntm_loop_timers(crowd.loop), &crowd.once_more);
	ntm_loop_free(crowd.loop);
	free(crowd.member);
	return err == 0 ? 0 : 1;
}
