/* SPDX-License-Identifier: BSD-2-Clause */
/* The DC of a relay that is measured, and nodes that bind both sides of its flows. */
#include "relay_load.h"

#include "ntm/cert.h"
#include "ntm/ctl.h"
#include "ntm/hex.h"
#include "ntm/link.h"
#include "ntm/loop.h"
#include "ntm/relay.h"
#include "ntm/udp.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define PATH_STR 300
#define DC_PORT  4399
#define WAIT_S   10

struct dc {
	struct ntm_loop *loop;
	struct ntm_udp *udp;
	struct ntm_links *links;
	struct ntm_link *link;
	struct ntm_ctl *ctl;
	struct ntm_keys keys, relay;
	unsigned reports;
};

/* ---- what the relay finds on disk ---- */

static const char *path_of(const struct load *load, const char *name, char path[static PATH_STR])
{
	snprintf(path, PATH_STR, "%s/%s", load->dir, name);
	return path;
}

static void save_keys(const struct load *load, const struct ntm_keys keys[static 2])
{
	char path[PATH_STR];
	FILE *file = fopen(path_of(load, "keys", path), "w");

	if (file == NULL || fwrite(keys, sizeof(*keys), 2, file) != 2 || fclose(file) != 0)
		die(path);
}

static void load_keys(const struct load *load, struct ntm_keys keys[static 2])
{
	char path[PATH_STR];
	FILE *file = fopen(path_of(load, "keys", path), "r");

	if (file == NULL || fread(keys, sizeof(*keys), 2, file) != 2)
		die(path);
	fclose(file);
}

static void write_lease(const struct load *load, const struct ntm_keys *relay,
			const struct ntm_keys *dc)
{
	char path[PATH_STR], cert_text[2 * NTM_CERT_MAX + 1], dc_addr[40];
	char secret[NTM_KEY_STR], dc_key[NTM_KEY_STR], root_key[NTM_KEY_STR];
	struct ntm_root root;
	uint8_t blob[NTM_CERT_MAX];
	struct ntm_cert cert = {.type = NTM_CERT_RELAY,
				.serial = 1,
				.not_before_s = (int64_t)time(NULL) - 60,
				.not_after_s = (int64_t)time(NULL) + 86400,
				.fqdn = "relay1.bench.example"};

	ntm_root_make(&root);
	memcpy(cert.key, relay->pub, NTM_KEY_LEN);
	ntm_hex_print(blob, ntm_cert_sign(&cert, &root, blob), cert_text);
	snprintf(dc_addr, sizeof(dc_addr), "127.0.0.1:%d", DC_PORT);
	json_t *json =
		json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:[]}", "version", 1, "fqdn",
			  cert.fqdn, "domain", "bench.example", "secret",
			  ntm_key_str(relay->sec, secret), "dc_key", ntm_key_str(dc->pub, dc_key),
			  "root", ntm_key_str(root.pub, root_key), "certificate", cert_text, "dc",
			  dc_addr, "prefixes");
	if (json_dump_file(json, path_of(load, "relay.json", path), 0) != 0 ||
	    chmod(path, 0600) != 0)
		die(path);
	json_decref(json);
}

void ours_prepare(const struct load *load)
{
	struct ntm_keys keys[2];
	char path[PATH_STR];

	if (ntm_crypto_init() != 0)
		die("random numbers");
	ntm_keys_make(&keys[0]);
	ntm_keys_make(&keys[1]);
	save_keys(load, keys);
	write_lease(load, &keys[0], &keys[1]);
	FILE *file = fopen(path_of(load, "relay.conf", path), "w");
	if (file == NULL)
		die(path);
	fprintf(file,
		"relay {\n listen = \"127.0.0.1:%u\"\n allow_loopback = yes\n user = \"\"\n"
		" state_dir = \"%s\"\n run_dir = \"%s\"\n log_level = warn\n}\n",
		(unsigned)ntohs(load->server.sin_port), load->dir, load->dir);
	fclose(file);
}

/* ---- the DC ---- */

static void on_send(void *ctx, const struct ntm_addr *to, const uint8_t *frame, size_t len)
{
	struct dc *dc = ctx;

	(void)ntm_udp_send(dc->udp, to, frame, len);
}

static int on_accept(void *ctx, const struct ntm_link_request *req, struct ntm_link_reply *reply)
{
	reply->owner = ctx;
	return req->purpose == NTM_PURPOSE_RELAY ? 0 : -EPERM;
}

static void on_up(void *ctx, struct ntm_link *link, void *owner, bool fresh)
{
	struct dc *dc = ctx;

	(void)owner;
	(void)fresh;
	dc->link = link;
	ntm_ctl_set_link(dc->ctl, link);
}

static void on_down(void *ctx, struct ntm_link *link, void *owner, enum ntm_link_down why)
{
	(void)ctx;
	(void)link;
	(void)owner;
	(void)why;
}

static void on_input(void *ctx, struct ntm_link *link, void *owner, struct ntm_pkt *pkt)
{
	struct dc *dc = ctx;

	(void)link;
	(void)owner;
	(void)ntm_ctl_input(dc->ctl, pkt->data, pkt->len);
}

static void on_udp(void *ctx, const struct ntm_addr *from, struct ntm_pkt *pkt)
{
	struct dc *dc = ctx;

	ntm_links_input(dc->links, from, pkt);
}

static struct ntm_ticket_key key_of(const struct dc *dc)
{
	return ntm_ticket_key_make(dc->keys.sec, dc->relay.pub,
				   (int64_t)time(NULL) / NTM_TICKET_DAY_S);
}

static void on_request(void *ctx, const struct ntm_msg *req)
{
	struct dc *dc = ctx;
	struct ntm_msg reply = {.type = NTM_MSG_RELAY_DIRECTION,
				.relay_direction.reflexive = {.ip = ntm_ip_v4(127, 0, 0, 1),
							      .port = 1},
				.relay_direction.report_s = 60,
				.relay_direction.keys.count = 1};

	reply.relay_direction.keys.item[0] = key_of(dc);
	if (ntm_ctl_reply(dc->ctl, req, &reply) == 0)
		dc->reports++;
}

static void dc_run(struct dc *dc)
{
	static const struct ntm_links_ops ops = {.send = on_send,
						 .accept = on_accept,
						 .up = on_up,
						 .down = on_down,
						 .input = on_input};

	dc->loop = ntm_loop_new();
	struct ntm_udp_args udp = {.loop = dc->loop,
				   .bind = {.ip = ntm_ip_v4(127, 0, 0, 1), .port = DC_PORT},
				   .fn = on_udp,
				   .ctx = dc};
	struct ntm_links_args links = {.ops = &ops,
				       .ctx = dc,
				       .keys = &dc->keys,
				       .timers = ntm_loop_timers(dc->loop)};
	struct ntm_ctl_args ctl = {.timers = ntm_loop_timers(dc->loop),
				   .on_request = on_request,
				   .ctx = dc};
	dc->links = ntm_links_new(&links);
	dc->ctl = ntm_ctl_new(&ctl);
	if (dc->links == NULL || dc->ctl == NULL || ntm_udp_open(&udp, &dc->udp) != 0)
		die("the DC's socket");
	for (time_t end = time(NULL) + WAIT_S; dc->reports == 0 && time(NULL) < end;)
		(void)ntm_loop_turn(dc->loop, 50);
	if (dc->reports == 0) {
		errno = ETIMEDOUT;
		die("the relay does not call its DC");
	}
	(void)ntm_loop_turn(dc->loop, 50);
}

static void dc_stop(struct dc *dc)
{
	ntm_ctl_free(dc->ctl);
	ntm_links_free(dc->links);
	ntm_udp_free(dc->udp);
	ntm_loop_free(dc->loop);
}

/* ---- the nodes ---- */

static void bind_side(const struct dc *dc, const struct end *end, uint64_t flow, uint8_t side,
		      uint32_t *label)
{
	struct ntm_ticket ticket = {.flow = flow,
				    .side = side,
				    .expires_s = (int64_t)time(NULL) + 3600};
	struct ntm_ticket_key key = key_of(dc);
	uint8_t sealed[NTM_TICKET_LEN], frame[NTM_RELAY_FRAME_MAX], answer[NTM_RELAY_FRAME_MAX];
	struct ntm_relay_frame out = {.type = NTM_FRAME_BIND, .generation = 1, .ticket = sealed};
	struct ntm_relay_frame got;

	ntm_random(ticket.bind_key, sizeof(ticket.bind_key));
	ntm_ticket_seal(&ticket, &key, dc->relay.pub, sealed);
	size_t len = ntm_relay_frame_write(&out, ticket.bind_key, frame);
	len = end_ask(end, frame, len, answer, sizeof(answer));
	if (ntm_relay_frame_parse(&got, answer, len) != 0 || got.type != NTM_FRAME_CHALLENGE)
		die("no CHALLENGE");
	out.type = NTM_FRAME_ANSWER;
	out.cookie = got.cookie;
	len = ntm_relay_frame_write(&out, ticket.bind_key, frame);
	len = end_ask(end, frame, len, answer, sizeof(answer));
	if (ntm_relay_frame_parse(&got, answer, len) != 0 || got.type != NTM_FRAME_BOUND)
		die("not BOUND");
	*label = got.label;
}

static struct dc dc_of(const struct load *load)
{
	struct dc dc = {0};
	struct ntm_keys keys[2];

	if (ntm_crypto_init() != 0)
		die("random numbers");
	load_keys(load, keys);
	dc.relay = keys[0];
	dc.keys = keys[1];
	return dc;
}

void ours_open(struct load *load)
{
	struct dc dc = dc_of(load);

	dc_run(&dc);
	for (unsigned i = 0; i < 2 * load->calls; i++) {
		struct end *end = &load->end[i];
		uint32_t label;

		end_open(end, i, &load->server);
		bind_side(&dc, end, i / 2 + 1, i % 2, &label);
		ntm_relayed_head(end->packet, 1, label);
		memset(end->packet + NTM_RELAYED_HEADER, 0x80, PAYLOAD_LEN);
		end->packet[NTM_RELAYED_HEADER] = NTM_FRAME_TRANSPORT;
		end->len = NTM_RELAYED_HEADER + PAYLOAD_LEN;
	}
	dc_stop(&dc);
}

void ours_open_idle(const struct load *load, unsigned count)
{
	struct dc dc = dc_of(load);
	struct end end[250];
	uint32_t label;

	for (unsigned i = 0; i < 250; i++)
		end_open(&end[i], i, &load->server);
	for (unsigned i = 0; i < 2 * count; i++)
		bind_side(&dc, &end[i % 250], 1000000 + i / 2, i % 2, &label);
}
