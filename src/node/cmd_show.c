/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs `status`, `tunnels`, `calls`: what the daemon says, for people or as JSON. */
#include "cli.h"

#include "ntm/verb.h"

#include <stdio.h>
#include <string.h>

#define ASK_MS 5000

/* ---- status ---- */

static void print_problems(const json_t *status)
{
	const char *dns_words = ntm_verb_text(json_object_get(status, "host"), "dns_words");
	const json_t *drops = json_object_get(status, "drops");
	const json_t *sip = json_object_get(status, "sip");
	const json_t *relays = json_object_get(status, "relays");

	if (json_object_get(relays, "silent") != NULL)
		printf("problem     the relay at %s does not answer: is UDP to it blocked here, or "
		       "is it down (ntm-dc relay list)?\n",
		       ntm_verb_text(relays, "silent"));
	if (dns_words[0] != '\0' && strcmp(dns_words, "-") != 0)
		printf("problem     programs do not find NTM names: %s\n", dns_words);
	if (ntm_verb_number(drops, "host_wrong_source") > 0)
		printf("problem     %lld packets from %s: bind the phone to the TUN's interface, "
		       "so that it uses the virtual address\n",
		       ntm_verb_number(drops, "host_wrong_source"),
		       ntm_verb_text(drops, "wrong_source_last"));
	if (ntm_verb_number(drops, "host_not_virtual") > 0)
		printf("problem     %lld packets to addresses outside the domain came to the TUN: "
		       "a program uses the virtual address for the Internet\n",
		       ntm_verb_number(drops, "host_not_virtual"));
	if (ntm_verb_number(drops, "peer_spoofed") > 0)
		printf("problem     %lld packets of peers with addresses that are not theirs\n",
		       ntm_verb_number(drops, "peer_spoofed"));
	if (ntm_verb_number(sip, "real_media_seen") > 0)
		printf("problem     a phone wanted media at %s, which is no virtual address (%lld "
		       "SIP messages): no sound would come; bind it to the TUN's interface, and "
		       "switch STUN off in it\n",
		       ntm_verb_text(sip, "real_media_last"),
		       ntm_verb_number(sip, "real_media_seen"));
	if (ntm_verb_number(sip, "ice_candidates_seen") > 0)
		printf("problem     phones offer real addresses for media: switch ICE, STUN and "
		       "TURN off in them\n");
	if (ntm_verb_number(sip, "released_deadline") > 0)
		printf("problem     %lld held SIP messages went on without a tunnel: see `ntm-node "
		       "calls`\n",
		       ntm_verb_number(sip, "released_deadline"));
}

static void print_partners(const json_t *partners)
{
	const json_t *partner, *prefix;
	size_t i, k;

	json_array_foreach(partners, i, partner)
	{
		printf("partner     %s", ntm_verb_text(partner, "domain"));
		json_array_foreach(json_object_get(partner, "prefixes"), k, prefix)
			printf("  %s", json_string_value(prefix));
		putchar('\n');
	}
}

static void print_exits(const json_t *exits)
{
	const json_t *one, *words, *place;
	size_t i, k;

	json_array_foreach(exits, i, one)
	{
		printf("exit        %s, %s:", ntm_verb_text(one, "gateway"),
		       ntm_verb_text(one, "state"));
		json_array_foreach(json_object_get(one, "destinations"), k, place)
			printf(" %s", json_string_value(place));
		json_array_foreach(json_object_get(one, "names"), k, place)
			printf(" %s", json_string_value(place));
		putchar('\n');
		words = json_object_get(one, "words");
		if (words != NULL)
			printf("            %s\n", json_string_value(words));
	}
}

static void print_errors(const json_t *errors)
{
	const json_t *error;
	size_t i;

	json_array_foreach(errors, i, error)
		printf("failed      %lld s ago, %s: %s\n", ntm_verb_number(error, "ago_s"),
		       ntm_verb_text(error, "peer"), ntm_verb_text(error, "words"));
}

static void print_dc(const json_t *status)
{
	const json_t *dc = json_object_get(status, "dc");
	bool behind_nat = json_is_true(json_object_get(dc, "behind_nat"));

	if (json_is_true(json_object_get(status, "revoked"))) {
		puts("DC          revoked: the DC's operator has ended this node, or another host "
		     "has joined in its place; it needs a new token (ntm-dc node add)");
		return;
	}
	if (!json_is_true(json_object_get(status, "registered"))) {
		printf("DC          %s: no answer from %s; is its UDP port reachable from here, is "
		       "ntm-dc running, and does it still know this node? `ntm-dc status` there "
		       "tells\n",
		       ntm_verb_text(dc, "state"), ntm_verb_text(dc, "address"));
		return;
	}
	printf("DC          %s at %s, seen from %s (%s)\n", ntm_verb_text(dc, "state"),
	       ntm_verb_text(dc, "address"), ntm_verb_text(dc, "seen_from"),
	       behind_nat ? "behind a NAT" : "no NAT");
	if (strcmp(ntm_verb_text(dc, "state"), "silent") == 0)
		puts("            it does not answer now: is ntm-dc running there? What is up goes "
		     "on, new calls fail");
	if (ntm_verb_number(dc, "keepalive_s") > 0)
		printf("keepalive   every %lld s (%s)\n", ntm_verb_number(dc, "keepalive_s"),
		       ntm_verb_text(dc, "keepalive_why"));
}

static void print_status(const json_t *status)
{
	const json_t *relays = json_object_get(status, "relays");
	const json_t *dns = json_object_get(status, "dns");
	const json_t *sip = json_object_get(status, "sip");
	const json_t *host = json_object_get(status, "host");

	printf("node        %s\n", ntm_verb_text(status, "name"));
	printf("addresses   %s  %s  on %s\n", ntm_verb_text(status, "vip4"),
	       ntm_verb_text(status, "vip6"), ntm_verb_text(host, "tun"));
	print_dc(status);
	print_partners(json_object_get(status, "partners"));
	printf("tunnels     %lld up since start, %lld directions, %lld of them failed\n",
	       ntm_verb_number(json_object_get(status, "directions"), "tunnels_up"),
	       ntm_verb_number(json_object_get(status, "directions"), "asked"),
	       ntm_verb_number(json_object_get(status, "directions"), "failed"));
	if (ntm_verb_number(relays, "bindings") > 0)
		printf("relays      %lld of %lld bindings answered, %lld frames in, %lld out\n",
		       ntm_verb_number(relays, "bound_now"), ntm_verb_number(relays, "bindings"),
		       ntm_verb_number(relays, "frames_in"), ntm_verb_number(relays, "frames_out"));
	print_exits(json_object_get(status, "exits"));
	print_errors(json_object_get(status, "last_errors"));
	printf("SIP         %lld messages, %lld held, %lld copies swallowed\n",
	       ntm_verb_number(sip, "seen"), ntm_verb_number(sip, "held"),
	       ntm_verb_number(sip, "swallowed_copies"));
	printf("DNS         %s at %s: %lld queries, %lld for nodes\n", ntm_verb_text(host, "dns"),
	       ntm_verb_text(status, "resolver"), ntm_verb_number(dns, "queries"),
	       ntm_verb_number(dns, "ntm_names"));
	printf("guard       %s\n", ntm_verb_text(host, "guard"));
	printf("running     %lld s, version %s\n", ntm_verb_number(status, "up_s"),
	       ntm_verb_text(status, "version"));
	print_problems(status);
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

int cmd_status(struct cli *cli)
{
	struct shown shown = {.json = cli->json};
	int code = cli_ask(cli, json_pack("{s:s}", "verb", "status"), ASK_MS, on_status, &shown);

	return code == NTM_EXIT_OK && !shown.registered ? NTM_EXIT_FAILED : code;
}

/* ---- tables ---- */

static void print_path(const json_t *path)
{
	printf("    %c %-6s %-26s %-8s", json_is_true(json_object_get(path, "current")) ? '*' : ' ',
	       ntm_verb_text(path, "path"), ntm_verb_text(path, "via"),
	       ntm_verb_text(path, "state"));
	if (ntm_verb_number(path, "rtt_ms") >= 0)
		printf(" %5lld ms %3lld %% lost", ntm_verb_number(path, "rtt_ms"),
		       ntm_verb_number(path, "loss_pct"));
	putchar('\n');
}

static void print_not_direct(const json_t *json)
{
	if (json_object_get(json, "not_direct") != NULL)
		printf("    not direct: %s\n", ntm_verb_text(json, "not_direct"));
}

#define VIA_STR 64

/* Where packets of a tunnel go. */
static const char *via_of(const json_t *tunnel, char buf[static VIA_STR])
{
	bool is_relayed = strcmp(ntm_verb_text(tunnel, "path"), "relay") == 0;

	snprintf(buf, VIA_STR, "%s%s", is_relayed ? "relay " : "", ntm_verb_text(tunnel, "via"));
	return buf;
}

static void print_tunnel(const json_t *tunnel)
{
	const json_t *paths = json_object_get(tunnel, "paths"), *path;
	bool is_silent = json_is_true(json_object_get(tunnel, "silent"));
	char via[VIA_STR];
	size_t i;

	printf("%-28s %-16s %-10s %-28s %9lld %9lld\n", ntm_verb_text(tunnel, "peer"),
	       ntm_verb_text(tunnel, "vip4"), is_silent ? "silent" : ntm_verb_text(tunnel, "state"),
	       via_of(tunnel, via), ntm_verb_number(tunnel, "packets_in"),
	       ntm_verb_number(tunnel, "packets_out"));
	if (is_silent)
		puts("    nothing comes back by any path");
	if (json_object_get(tunnel, "error") != NULL)
		printf("    %s\n", ntm_verb_text(tunnel, "error"));
	json_array_foreach(paths, i, path) print_path(path);
	print_not_direct(tunnel);
}

static void on_tunnels(void *ctx, const json_t *reply)
{
	const json_t *tunnels = json_object_get(reply, "tunnels"), *tunnel;
	size_t i;

	if (*(const bool *)ctx) {
		ntm_verb_print(reply);
		return;
	}
	printf("%-28s %-16s %-10s %-28s %9s %9s\n", "PEER", "VIP", "STATE", "VIA", "IN", "OUT");
	json_array_foreach(tunnels, i, tunnel) print_tunnel(tunnel);
}

int cmd_tunnels(struct cli *cli)
{
	return cli_ask(cli, json_pack("{s:s}", "verb", "tunnels"), ASK_MS, on_tunnels, &cli->json);
}

static void print_ms(long long ms)
{
	if (ms < 0)
		printf(" %8s", "-");
	else
		printf(" %5lld ms", ms);
}

/* Where the media goes, or why nowhere. */
static const char *media_of(const json_t *call, char buf[static VIA_STR])
{
	if (json_is_true(json_object_get(call, "silent")))
		return "silent";
	return json_object_get(call, "via") != NULL ? via_of(call, buf)
						    : ntm_verb_text(call, "tunnel");
}

/* How good that way is. */
static void print_quality(const json_t *call)
{
	if (json_object_get(call, "path") == NULL)
		return;
	fputs("    ", stdout);
	if (ntm_verb_number(call, "rtt_ms") >= 0)
		printf("round trip %lld ms, ", ntm_verb_number(call, "rtt_ms"));
	printf("%lld %% of the probes lost\n", ntm_verb_number(call, "loss_pct"));
	print_not_direct(call);
}

static void on_calls(void *ctx, const json_t *reply)
{
	const json_t *calls = json_object_get(reply, "calls"), *call;
	char via[VIA_STR];
	size_t i;

	if (*(const bool *)ctx) {
		ntm_verb_print(reply);
		return;
	}
	printf("%-28s %-7s %-9s %8s %8s %-28s %9s %9s  %s\n", "PEER", "WE ARE", "STATE", "HELD",
	       "DIRECTED", "MEDIA VIA", "IN", "OUT", "HOLD ENDED");
	json_array_foreach(calls, i, call)
	{
		const char *peer = ntm_verb_text(call, "peer");

		printf("%-28s %-7s %-9s", peer[0] != '\0' ? peer : ntm_verb_text(call, "vip"),
		       ntm_verb_text(call, "role"), ntm_verb_text(call, "state"));
		print_ms(ntm_verb_number(call, "held_ms"));
		print_ms(ntm_verb_number(call, "direction_ms"));
		printf(" %-28s %9lld %9lld  %s\n", media_of(call, via),
		       ntm_verb_number(call, "packets_in"), ntm_verb_number(call, "packets_out"),
		       ntm_verb_text(call, "hold_end"));
		print_quality(call);
	}
}

int cmd_calls(struct cli *cli)
{
	return cli_ask(cli, json_pack("{s:s}", "verb", "calls"), ASK_MS, on_calls, &cli->json);
}

/* ---- ping ---- */

struct pings {
	bool json;
	unsigned answered, late; /* late: timed out */
	bool failed;             /* refused, offline ... */
};

static void on_ping(void *ctx, const json_t *reply)
{
	struct pings *pings = ctx;
	const char *words = json_string_value(json_object_get(reply, "words"));

	if (words == NULL)
		pings->answered++;
	else if (json_is_true(json_object_get(reply, "timed_out")))
		pings->late++;
	else
		pings->failed = true;
	if (pings->json) {
		json_dumpf(reply, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (words != NULL) {
		printf("%s: %s\n", ntm_verb_text(reply, "peer"), words);
	} else {
		bool is_relayed = strcmp(ntm_verb_text(reply, "path"), "relay") == 0;

		printf("%s (%s) by %s%s: seq %lld, %lld ms\n", ntm_verb_text(reply, "peer"),
		       ntm_verb_text(reply, "vip"), is_relayed ? "relay " : "",
		       ntm_verb_text(reply, "via"), ntm_verb_number(reply, "seq"),
		       ntm_verb_number(reply, "rtt_ms"));
	}
	fflush(stdout);
}

int cmd_ping(struct cli *cli)
{
	struct pings pings = {.json = cli->json};
	json_t *request = json_pack("{s:s, s:s, s:i}", "verb", "ping", "target", cli->argv[0],
				    "count", (int)cli->count);
	int code = cli_ask(cli, request, 5000 + (int64_t)cli->count * 1500, on_ping, &pings);

	if (code != NTM_EXIT_OK)
		return code;
	if (pings.failed || (pings.late > 0 && pings.answered > 0))
		return NTM_EXIT_FAILED;
	return pings.late > 0 ? NTM_EXIT_TIMED_OUT : NTM_EXIT_OK;
}
