/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs `status`, `flows`, `drain`: what the daemon says, for people or as JSON. */
#include "relay_cli.h"
#include "relay_lease.h"

#include "ntm/control.h"
#include "ntm/noise.h"
#include "ntm/verb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ASK_MS 5000

/* Takes request. */
static int ask(const struct relay_cli *cli, json_t *request, ntm_control_reply_fn *fn, void *ctx)
{
	char path[RELAY_SOCKET_STR], words[300];
	struct relay_lease lease;
	int code = ntm_control_ask("ntm-relay", relay_conf_socket(&cli->conf, path), request,
				   ASK_MS, fn, ctx);

	if (code == NTM_EXIT_NOT_RUNNING &&
	    relay_lease_load(&lease, cli->conf.state_dir, words, sizeof(words)) == -ENOENT)
		fprintf(stderr, "%s\n", words);
	ntm_wipe(&lease, sizeof(lease));
	return code;
}

/* ---- status ---- */

static void print_drops(const json_t *drops)
{
	const char *name;
	const json_t *value;

	json_object_foreach((json_t *)(uintptr_t)drops, name,
			    value) if (json_integer_value(value) > 0)
		printf("dropped     %lld %s\n", (long long)json_integer_value(value), name);
}

/* What the logic has dealt with, and the socket did not take or give. */
static void print_socket_drops(const json_t *udp)
{
	static const char *const names[][2] = {
		{"dropped_full", "socket_full"},
		{"dropped_error", "socket_error"},
		{"overrun", "overrun"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (ntm_verb_number(udp, names[i][0]) > 0)
			printf("dropped     %lld %s\n", ntm_verb_number(udp, names[i][0]),
			       names[i][1]);
}

/* What status and drain say of what is waited for. */
static void print_left(const json_t *drain)
{
	printf("%lld flows are left; the relay ends with the last one, in %lld s if their nodes "
	       "are silent, in %lld s at most\n",
	       ntm_verb_number(drain, "flows"), ntm_verb_number(drain, "silent_s"),
	       ntm_verb_number(drain, "at_most_s"));
}

static void print_mtu(const json_t *udp)
{
	if (ntm_verb_number(udp, "cut") > 0)
		printf("cut         %lld datagrams went out in pieces, which many firewalls drop: "
		       "an interface takes less than 1280 bytes; give it an MTU of 1280 or more "
		       "(ip link set dev NAME mtu 1500)\n",
		       ntm_verb_number(udp, "cut"));
	if (ntm_verb_number(udp, "dropped_mtu") > 0)
		printf("dropped     %lld larger than an interface takes: harmless, nodes send "
		       "smaller ones then; an MTU of 1500 here lets them through\n",
		       ntm_verb_number(udp, "dropped_mtu"));
}

static const char *exit_state(const json_t *status, const json_t *exits)
{
	if (json_is_true(json_object_get(exits, "ended")))
		return "has ended, the relay goes on";
	if (json_is_true(json_object_get(exits, "registered")))
		return json_is_true(json_object_get(exits, "ready")) ? "ready" : "not ready";
	return json_is_true(json_object_get(status, "registered"))
		       ? "not registered at the DC: was the relay added with --gateway?"
		       : "not registered at the DC, nor is the relay";
}

static void print_exit(const json_t *status)
{
	const json_t *exits = json_object_get(status, "exit");

	printf("gateway     %s; %lld nodes, %lld packets out, %lld in, at UDP port %lld\n",
	       exit_state(status, exits), ntm_verb_number(exits, "nodes"),
	       ntm_verb_number(exits, "packets_out"), ntm_verb_number(exits, "packets_in"),
	       ntm_verb_number(exits, "udp_port"));
	if (json_object_get(exits, "words") != NULL)
		printf("            %s\n", ntm_verb_text(exits, "words"));
	if (json_is_true(json_object_get(exits, "behind_nat")))
		printf("            behind a NAT, seen from %s: nodes behind NATs come in there if "
		       "it is a 1:1 NAT, or forwards that port\n",
		       ntm_verb_text(exits, "seen_from"));
	print_drops(json_object_get(exits, "drops"));
}

static void print_dc(const json_t *status)
{
	const json_t *dc = json_object_get(status, "dc");

	if (json_is_true(json_object_get(status, "registered")))
		printf("DC          %s at %s, seen from %s\n", ntm_verb_text(dc, "state"),
		       ntm_verb_text(dc, "address"), ntm_verb_text(dc, "seen_from"));
	else if (json_is_true(json_object_get(status, "ended")))
		printf("DC          has ended the session: this relay was revoked there, or "
		       "another host has joined in its place; join again with a new token "
		       "(ntm-dc relay add)\n");
	else
		printf("DC          %s: no answer from %s; is its UDP port reachable from here, is "
		       "ntm-dc running, and does it still know this relay? `ntm-dc status` there "
		       "tells\n",
		       ntm_verb_text(dc, "state"), ntm_verb_text(dc, "address"));
	if (strcmp(ntm_verb_text(dc, "state"), "silent") == 0)
		puts("            it does not answer now: is ntm-dc running there? Flows that are "
		     "there go on");
}

static void print_status(const json_t *status)
{
	const json_t *admission = json_object_get(status, "admission");

	printf("relay       %s%s\n", ntm_verb_text(status, "name"),
	       json_is_true(json_object_get(status, "draining"))
		       ? " (draining: takes no new flow, ends with the last one)"
		       : "");
	print_dc(status);
	printf("flows       %lld of %lld; %lld made, %lld ended since start\n",
	       ntm_verb_number(status, "flows"), ntm_verb_number(status, "flows_max"),
	       ntm_verb_number(admission, "flows_made"), ntm_verb_number(admission, "flows_ended"));
	if (json_is_object(json_object_get(status, "drain"))) {
		printf("draining    ");
		print_left(json_object_get(status, "drain"));
	}
	printf("forwarded   %lld packets, %lld bytes, %lld kbit/s now\n",
	       ntm_verb_number(status, "packets"), ntm_verb_number(status, "bytes"),
	       ntm_verb_number(status, "kbit_s"));
	if (json_object_get(status, "exit") != NULL)
		print_exit(status);
	printf("running     %lld s, version %s\n", ntm_verb_number(status, "up_s"),
	       ntm_verb_text(status, "version"));
	print_drops(json_object_get(status, "drops"));
	print_socket_drops(json_object_get(status, "udp"));
	print_mtu(json_object_get(status, "udp"));
}

struct shown {
	bool json;
	bool registered;
};

static void on_status(void *ctx, const json_t *reply)
{
	struct shown *shown = ctx;

	shown->registered = json_is_true(json_object_get(reply, "registered"));
	if (shown->json)
		ntm_verb_print(reply);
	else
		print_status(reply);
}

int relay_cmd_status(struct relay_cli *cli)
{
	struct shown shown = {.json = cli->json};
	int code = ask(cli, json_pack("{s:s}", "verb", "status"), on_status, &shown);

	return code == NTM_EXIT_OK && !shown.registered ? NTM_EXIT_FAILED : code;
}

/* ---- flows ---- */

struct listing {
	bool json;
	json_t *all;     /* with json */
	json_int_t next; /* where the next page begins; 0: there is none */
	bool has_head;
};

static void print_side(const json_t *side)
{
	if (json_is_object(side))
		printf(" %-28s %10lld", ntm_verb_text(side, "address"),
		       ntm_verb_number(side, "packets"));
	else
		printf(" %-28s %10s", "-", "-");
}

static void on_flows(void *ctx, const json_t *reply)
{
	struct listing *listing = ctx;
	json_t *flows = json_object_get(reply, "flows"), *flow;
	size_t i;

	listing->next = json_integer_value(json_object_get(reply, "next"));
	if (listing->json) {
		json_array_extend(listing->all, flows);
		return;
	}
	if (!listing->has_head)
		printf("%-16s %7s %-28s %10s %-28s %10s\n", "FLOW", "AGE", "SIDE 0", "PACKETS",
		       "SIDE 1", "PACKETS");
	listing->has_head = true;
	json_array_foreach(flows, i, flow)
	{
		const json_t *sides = json_object_get(flow, "sides");

		printf("%-16s %7lld", ntm_verb_text(flow, "flow"), ntm_verb_number(flow, "age_s"));
		print_side(json_array_get(sides, 0));
		print_side(json_array_get(sides, 1));
		putchar('\n');
	}
}

int relay_cmd_flows(struct relay_cli *cli)
{
	struct listing listing = {.json = cli->json, .all = json_array()};

	int code;
	do {
		code = ask(cli, json_pack("{s:s, s:I}", "verb", "flows", "from", listing.next),
			   on_flows, &listing);
	} while (code == NTM_EXIT_OK && listing.next > 0);
	if (code == NTM_EXIT_OK && cli->json) {
		json_t *out = json_pack("{s:O}", "flows", listing.all);
		ntm_verb_print(out);
		json_decref(out);
	}
	json_decref(listing.all);
	return code;
}

/* ---- drain ---- */

static void on_drain(void *ctx, const json_t *reply)
{
	if (*(const bool *)ctx) {
		ntm_verb_print(reply);
		return;
	}
	printf("draining: ");
	print_left(reply);
}

int relay_cmd_drain(struct relay_cli *cli)
{
	return ask(cli, json_pack("{s:s}", "verb", "drain"), on_drain, &cli->json);
}

/* ---- exits ---- */

static void on_exits(void *ctx, const json_t *reply)
{
	json_t *exits = json_object_get(reply, "exits"), *item;
	size_t i;

	if (*(const bool *)ctx) {
		ntm_verb_print(reply);
		return;
	}
	if (!json_is_true(json_object_get(reply, "gateway")))
		fputs("this relay is no gateway (gateway = yes in its configuration)\n", stderr);
	printf("%-32s %-16s %-10s %-24s %7s %10s %10s\n", "NODE", "ADDRESS", "STATE", "VIA", "IDLE",
	       "OUT", "IN");
	json_array_foreach(exits, i, item)
		printf("%-32s %-16s %-10s %-24s %7lld %10lld %10lld\n", ntm_verb_text(item, "node"),
		       ntm_verb_text(item, "vip"), ntm_verb_text(item, "state"),
		       ntm_verb_text(item, "via"), ntm_verb_number(item, "idle_s"),
		       ntm_verb_number(item, "packets_out"), ntm_verb_number(item, "packets_in"));
}

int relay_cmd_exits(struct relay_cli *cli)
{
	return ask(cli, json_pack("{s:s}", "verb", "exits"), on_exits, &cli->json);
}
