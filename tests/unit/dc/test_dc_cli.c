/* SPDX-License-Identifier: BSD-2-Clause */
/* ntm-dc's command line from init to revocation: with and without the daemon, and its manual. */
#include "dc_cli.h"

#include "node/temp_dir.h"

#include "ntm/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define ARGS   44
#define NOBODY 65534

/* Splits a command line; "%" stands for the configuration. */
static int split(const char *line, char *argv[ARGS + 1])
{
	static char text[600];
	int argc = 0;

	snprintf(text, sizeof(text), "ntm-dc %s", line);
	for (char *word = strtok(text, " "); word != NULL && argc < ARGS; word = strtok(NULL, " "))
		argv[argc++] =
			strcmp(word, "%") == 0 ? (char *)(uintptr_t)temp_path("dc.conf") : word;
	argv[argc] = NULL;
	optind = 0;
	return argc;
}

/* Runs a command line, its output in the files out and err. Returns the exit code. */
static int run(const char *line)
{
	char *argv[ARGS + 1];
	int saved[2] = {dup(1), dup(2)};
	const char *names[2] = {"out", "err"};
	int argc = split(line, argv);

	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		int fd = open(temp_path(names[i]), O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, i + 1);
		close(fd);
	}
	int code = dc_cli_main(argc, argv);
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		dup2(saved[i], i + 1);
		close(saved[i]);
	}
	return code;
}

static void assert_run(const char *line, int expected)
{
	int code = run(line);

	if (code != expected)
		fail_msg("%s: exit %d, not %d: %s", line, code, expected, temp_read("err"));
}

static void assert_out(const char *words)
{
	const char *out = temp_read("out");

	if (strstr(out, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, out);
}

static void assert_err(const char *words)
{
	const char *err = temp_read("err");

	if (strstr(err, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, err);
}

/* A domain of its own for each test; high ports, no DNS on the host. */
static int setup(void **state)
{
	char conf[600];

	if (temp_dir_make(state) != 0)
		return -1;
	snprintf(conf, sizeof(conf),
		 "dc {\n domain = \"ntm.example\"\n addresses = { \"203.0.113.30:%u\" }\n"
		 " prefix4 = \"198.18.0.0/16\"\n"
		 " user = \"\"\n state_dir = \"%s/state\"\n run_dir = \"%s/run\"\n}\n"
		 "dns {\n serve = no\n}\n",
		 20000 + (unsigned)getpid() % 10000, temp_dir, temp_dir);
	temp_write("dc.conf", conf);
	return 0;
}

static void read_token(struct ntm_token *token)
{
	const char *out = temp_read("out");

	/* Nothing but one line: it is pasted, or piped to the other host. */
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
	assert_null(strchr(out, ' '));
	assert_int_equal(ntm_token_parse(token, out), 0);
}

static json_t *read_json(void)
{
	json_t *json = json_loads(temp_read("out"), 0, NULL);

	assert_non_null(json);
	return json;
}

/* A member of the only node that was listed. */
static const char *node_text(json_t *reply, const char *name)
{
	json_t *nodes = json_object_get(reply, "nodes");

	assert_int_equal(json_array_size(nodes), 1);
	return json_string_value(json_object_get(json_array_get(nodes, 0), name));
}

static void test_usage(void **state)
{
	static const struct {
		const char *line;
		int code;
	} cases[] = {
		{"", NTM_EXIT_USAGE},
		{"frobnicate", NTM_EXIT_USAGE},
		{"--frobnicate", NTM_EXIT_USAGE},
		{"-c", NTM_EXIT_USAGE},
		{"-c % run now", NTM_EXIT_USAGE},
		{"-c % node", NTM_EXIT_USAGE},
		{"-c % node frobnicate", NTM_EXIT_USAGE},
		{"-c % node add", NTM_EXIT_USAGE},
		{"-c % node add a b", NTM_EXIT_USAGE},
		{"-c % node list a", NTM_EXIT_USAGE},
		{"-c % node exit a", NTM_EXIT_USAGE},
		{"-c % node exit a on now", NTM_EXIT_USAGE},
		{"-c % exit a on", NTM_EXIT_USAGE},
		{"-c % relay", NTM_EXIT_USAGE},
		{"-c % relay add", NTM_EXIT_USAGE},
		{"-c % relay add a b", NTM_EXIT_USAGE},
		{"-c % relay list a", NTM_EXIT_USAGE},
		{"-c % relay list", NTM_EXIT_FAILED},
		{"-c % trust", NTM_EXIT_USAGE},
		{"-c % trust frobnicate", NTM_EXIT_USAGE},
		{"-c % trust add", NTM_EXIT_USAGE},
		{"-c % trust add b.example c.example", NTM_EXIT_USAGE},
		{"-c % trust remove", NTM_EXIT_USAGE},
		{"-c % trust list b.example", NTM_EXIT_USAGE},
		{"-c % trust export b.example", NTM_EXIT_USAGE},
		{"-c % trust add b.example --root", NTM_EXIT_USAGE},
		{"-c % node add a --expires 24", NTM_EXIT_USAGE},
		{"-c % node add a --expires 0h", NTM_EXIT_USAGE},
		{"-c % node add a --expires -1h", NTM_EXIT_USAGE},
		{"-c % node add a --expires 1hour", NTM_EXIT_USAGE},
		{"-c % node add a --expires h", NTM_EXIT_USAGE},
		{"-c %x init --domain ntm.example", NTM_EXIT_USAGE},
		{"-c %x init --address 203.0.113.30", NTM_EXIT_USAGE},
		{"-c %x init --domain ntm --address 203.0.113.30", NTM_EXIT_USAGE},
		{"-c %x init --domain ntm.example --address here", NTM_EXIT_USAGE},
		{"-c /nonexistent status", NTM_EXIT_BAD_CONFIG},
		{"-c % status", NTM_EXIT_NOT_RUNNING},
		{"status -c % --json", NTM_EXIT_NOT_RUNNING},
		{"-c % check", NTM_EXIT_FAILED},
		{"-c % run", NTM_EXIT_FAILED},
		{"-c % node list", NTM_EXIT_FAILED},
		{"-c % trust list", NTM_EXIT_FAILED},
		{"-c % trust export", NTM_EXIT_FAILED},
		{"--help", NTM_EXIT_OK},
		{"status --help", NTM_EXIT_OK},
		{"version", NTM_EXIT_OK},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_run(cases[i].line, cases[i].code);
		/* Data goes to stdout, words to stderr. */
		assert_true((cases[i].code == NTM_EXIT_OK) == (*temp_read("out") != '\0'));
		assert_true((cases[i].code == NTM_EXIT_OK) == (*temp_read("err") == '\0'));
	}
	assert_int_equal(access("%x", F_OK), -1);
}

static void test_bad_configuration(void **state)
{
	(void)state;
	temp_write("dc.conf", "dc {\n nonsense = 1\n}\n");
	assert_run("-c % check", NTM_EXIT_BAD_CONFIG);
	assert_err("dc.conf:2");
	assert_run("-c % run", NTM_EXIT_BAD_CONFIG);
	assert_int_equal(unlink(temp_path("dc.conf")), 0);
	assert_run("-c % run", NTM_EXIT_BAD_CONFIG);
	assert_err("ntm-dc init");
}

static void assert_mode(const char *name, mode_t mode)
{
	struct stat st;

	assert_int_equal(stat(temp_path(name), &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void test_init_writes_what_the_options_say(void **state)
{
	char line[500];
	json_t *reply;

	(void)state;
	assert_int_equal(unlink(temp_path("dc.conf")), 0);
	snprintf(line, sizeof(line),
		 "-c %% init --domain NTM.Example --address 203.0.113.30 --address 2001:db8::30 "
		 "--prefix4 10.64.0.0/12 --prefix6 fd00:5::/48 --sip sip --user root "
		 "--state-dir %s/state --run-dir %s/run",
		 temp_dir, temp_dir);
	assert_run(line, NTM_EXIT_OK);
	assert_err("node add");
	assert_mode("dc.conf", 0644);
	assert_mode("state", 0700);
	assert_mode("state/root.key", 0600);
	assert_mode("state/dc.key", 0600);
	assert_mode("state/dc.db", 0600);
	assert_run("-c % check", NTM_EXIT_OK);
	assert_out("10.64.0.0/12 and fd00:5::/48");
	/* Nothing is overwritten, with options or without. */
	char *before = temp_copy("state/root.key");
	assert_run(line, NTM_EXIT_FAILED);
	assert_err("there already");
	assert_run("-c % init", NTM_EXIT_FAILED);
	assert_string_equal(temp_read("state/root.key"), before);
	free(before);
	assert_run("-c % node add --json sip", NTM_EXIT_OK);
	reply = read_json();
	assert_string_equal(json_string_value(json_object_get(reply, "name")), "sip.ntm.example");
	assert_string_equal(json_string_value(json_object_get(reply, "vip4")), "10.64.0.1");
	assert_string_equal(json_string_value(json_object_get(reply, "vip6")), "fd00:5::1");
	json_decref(reply);
}

static void read_key_file(const char *name, uint8_t key[static 32])
{
	char text[NTM_KEY_STR];

	assert_int_equal(snprintf(text, sizeof(text), "%s", temp_read(name)), NTM_KEY_STR);
	assert_int_equal(ntm_key_parse(key, text), 0);
}

static void test_token_carries_the_keys(void **state)
{
	struct ntm_token token;
	struct ntm_keys keys;
	struct ntm_root root;
	uint8_t seed[NTM_SIGN_SEC_LEN] = {0};

	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	assert_run("-c % node add Bob --expires 2h", NTM_EXIT_OK);
	assert_err("198.18.0.1");
	read_token(&token);
	read_key_file("state/dc.key", keys.sec);
	ntm_keys_from_secret(&keys);
	read_key_file("state/root.key", seed);
	ntm_root_from_secret(&root, seed);
	assert_memory_equal(token.dc_key, keys.pub, sizeof(token.dc_key));
	assert_memory_equal(token.root, root.pub, sizeof(token.root));
	assert_string_equal(token.fqdn, "bob.ntm.example");
	assert_string_equal(token.domain, "ntm.example");
	assert_in_range(token.expires_s, time(NULL) + 7190, time(NULL) + 7200);
	assert_run("-c % node add bob --expires 31d", NTM_EXIT_FAILED);
	assert_run("-c % node add bob.elsewhere.example", NTM_EXIT_FAILED);
	assert_run("-c % node add dc", NTM_EXIT_FAILED);
	assert_string_equal(temp_read("out"), "");
}

static void test_lost_files(void **state)
{
	char kept[160];

	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	assert_run("-c % node add bob", NTM_EXIT_OK);
	snprintf(kept, sizeof(kept), "%s", temp_path("kept"));
	/* A new database would give bob's addresses to the next node. */
	assert_int_equal(rename(temp_path("state/dc.db"), kept), 0);
	assert_run("-c % node add carol", NTM_EXIT_FAILED);
	assert_err("dc.db: not there");
	assert_run("-c % init", NTM_EXIT_FAILED);
	assert_int_equal(access(temp_path("state/dc.db"), F_OK), -1);
	assert_int_equal(rename(kept, temp_path("state/dc.db")), 0);
	/* A new root key would be another domain. */
	assert_int_equal(rename(temp_path("state/root.key"), kept), 0);
	assert_run("-c % run", NTM_EXIT_FAILED);
	assert_run("-c % init", NTM_EXIT_FAILED);
	assert_err("put its copy back");
	assert_int_equal(access(temp_path("state/root.key"), F_OK), -1);
	assert_int_equal(rename(kept, temp_path("state/root.key")), 0);
	assert_run("-c % check", NTM_EXIT_OK);
	assert_int_equal(chmod(temp_path("state/dc.key"), 0640), 0);
	assert_run("-c % check", NTM_EXIT_NOT_ALLOWED);
	assert_err("others may read it");
}

/* What is asked of the store gives the same answers as what is asked of the daemon. */
static void walk_through_nodes(void)
{
	struct ntm_token token;
	json_t *reply;

	assert_run("-c % node add bob", NTM_EXIT_OK);
	read_token(&token);
	assert_run("-c % node list", NTM_EXIT_OK);
	assert_out("bob.ntm.example");
	assert_out("never joined");
	assert_run("-c % node list --json", NTM_EXIT_OK);
	reply = read_json();
	assert_string_equal(node_text(reply, "vip4"), "198.18.0.1");
	json_decref(reply);
	assert_run("-c % node show bob", NTM_EXIT_OK);
	assert_out("joined     never");
	assert_run("-c % node show carol", NTM_EXIT_FAILED);
	assert_err("carol.ntm.example: no such node");
	assert_run("-c % node revoke bob", NTM_EXIT_OK);
	assert_run("-c % node show bob --json", NTM_EXIT_OK);
	reply = read_json();
	assert_string_equal(node_text(reply, "state"), "revoked");
	json_decref(reply);
	assert_run("-c % node revoke bob", NTM_EXIT_FAILED);
	/* The name is free again, its addresses are not. */
	assert_run("-c % node add bob --json", NTM_EXIT_OK);
	reply = read_json();
	assert_string_equal(json_string_value(json_object_get(reply, "vip4")), "198.18.0.2");
	json_decref(reply);
}

/* Likewise. */
static void walk_through_relays(void)
{
	struct ntm_token token;
	json_t *reply, *relay;

	assert_run("-c % relay add relay1", NTM_EXIT_OK);
	assert_err("ntm-relay join");
	read_token(&token);
	assert_int_equal(token.kind, NTM_TOKEN_RELAY);
	assert_string_equal(token.fqdn, "relay1.ntm.example");
	assert_run("-c % relay add gate --gateway --json", NTM_EXIT_OK);
	reply = read_json();
	assert_true(json_is_true(json_object_get(reply, "gateway")));
	assert_true(json_is_string(json_object_get(reply, "vip4")));
	json_decref(reply);
	assert_run("-c % relay list", NTM_EXIT_OK);
	assert_out("relay1.ntm.example");
	assert_out("never joined");
	assert_run("-c % relay list --json", NTM_EXIT_OK);
	reply = read_json();
	assert_int_equal(json_array_size(json_object_get(reply, "relays")), 2);
	relay = json_array_get(json_object_get(reply, "relays"), 0);
	assert_string_equal(json_string_value(json_object_get(relay, "name")),
			    "relay1.ntm.example");
	assert_true(json_is_null(json_object_get(relay, "vip4")));
	json_decref(reply);
	assert_run("-c % relay show gate", NTM_EXIT_OK);
	assert_out("gateway    yes");
	assert_out("vip4       198.18.");
	/* Neither is taken for the other. */
	assert_run("-c % node show relay1", NTM_EXIT_FAILED);
	assert_run("-c % node revoke relay1", NTM_EXIT_FAILED);
	assert_err("relay1.ntm.example: no such node");
	assert_run("-c % node add relay1", NTM_EXIT_FAILED);
	assert_err("is a relay");
	assert_run("-c % node list", NTM_EXIT_OK);
	assert_null(strstr(temp_read("out"), "relay1"));
	assert_run("-c % relay revoke bob", NTM_EXIT_FAILED);
	assert_err("bob.ntm.example: no such relay");
	assert_run("-c % relay add bob", NTM_EXIT_FAILED);
	assert_run("-c % relay revoke relay1", NTM_EXIT_OK);
	assert_err("relay1.ntm.example is revoked");
	assert_run("-c % relay show relay1", NTM_EXIT_OK);
	assert_out("revoked");
	assert_run("-c % relay revoke relay1", NTM_EXIT_FAILED);
}

static void walk_through_exit(void)
{
	assert_run("-c % node show bob", NTM_EXIT_OK);
	assert_out("exit       no");
	assert_run("-c % node exit bob on", NTM_EXIT_OK);
	assert_err("bob.ntm.example may leave");
	assert_run("-c % node show bob", NTM_EXIT_OK);
	assert_out("exit       yes");
	assert_run("-c % node exit bob off", NTM_EXIT_OK);
	assert_err("bob.ntm.example may not leave");
	assert_run("-c % node exit bob perhaps", NTM_EXIT_FAILED);
	assert_err("on or off");
	assert_run("-c % node exit nobody on", NTM_EXIT_FAILED);
	assert_run("-c % node exit gate on", NTM_EXIT_FAILED);
}

static void test_nodes_without_daemon(void **state)
{
	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	walk_through_nodes();
	walk_through_relays();
	walk_through_exit();
	assert_int_equal(access(temp_path("run/dc.sock"), F_OK), -1);
	assert_run("-c % node list", NTM_EXIT_OK);
	assert_err("ntm-dc does not run (systemctl start ntm-dc)");
	assert_run("-c % node add x --expires 10", NTM_EXIT_USAGE);
	assert_string_equal(temp_read("err"),
			    "ntm-dc: --expires: expected a time such as 2h or 3d\n");
}

/* ---- other domains, with some root keys ---- */

#define KEY_B "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
#define KEY_C "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg="

static void on_put(void *arg, int err)
{
	*(int *)arg = err;
}

/* The only pin that is listed; the caller owns *reply. */
static const json_t *only_pin(json_t **reply)
{
	assert_run("-c % trust list --json", NTM_EXIT_OK);
	*reply = read_json();
	json_t *pins = json_object_get(*reply, "pins");
	assert_int_equal(json_array_size(pins), 1);
	return json_array_get(pins, 0);
}

static void assert_pin(const char *name, const char *value)
{
	json_t *reply;
	char *text =
		json_dumps(json_object_get(only_pin(&reply), name), JSON_ENCODE_ANY | JSON_COMPACT);

	if (text == NULL || strcmp(text, value) != 0)
		fail_msg("%s is %s, not %s", name, text != NULL ? text : "missing", value);
	free(text);
	json_decref(reply);
}

static long long pinned_s(void)
{
	json_t *reply;
	long long at_s = json_integer_value(json_object_get(only_pin(&reply), "pinned_s"));

	json_decref(reply);
	return at_s;
}

#define ADD_B "-c % trust add b.example --root " KEY_B " --prefix 198.19.0.0/16"

/* What is asked of the store gives the same answers as what is asked of the daemon. */
static void walk_through_trust(void)
{
	assert_run("-c % trust list", NTM_EXIT_OK);
	assert_out("DOMAIN");
	assert_run("-c % trust add B.Example --root " KEY_B
		   " --prefix 198.19.0.0/16 --prefix fd00:b::/48",
		   NTM_EXIT_OK);
	assert_string_equal(temp_read("out"), "");
	assert_err("b.example is trusted (pinned): root ");
	assert_err("198.19.0.0/16,fd00:b::/48; it may call: all");
	assert_null(strstr(temp_read("err"), "already"));
	assert_run("-c % trust list", NTM_EXIT_OK);
	assert_out("b.example");
	assert_out("198.19.0.0/16,fd00:b::/48");
	assert_pin("domain", "\"b.example\"");
	assert_pin("mode", "\"pinned\"");
	assert_pin("root", "\"" KEY_B "\"");
	assert_pin("prefixes", "[\"198.19.0.0/16\",\"fd00:b::/48\"]");
	assert_pin("may_call", "\"all\"");
	assert_in_range(pinned_s(), time(NULL) - 60, time(NULL));
	assert_run(ADD_B " --allow alice --allow Carol.ntm.example", NTM_EXIT_OK);
	assert_err("trusted already");
	assert_err("no node alice.ntm.example");
	assert_pin("prefixes", "[\"198.19.0.0/16\"]");
	assert_pin("may_call", "[\"alice.ntm.example\",\"carol.ntm.example\"]");
	assert_run("-c % trust list", NTM_EXIT_OK);
	assert_out("alice.ntm.example,carol.ntm.example");
	assert_run("-c % node add alice", NTM_EXIT_OK);
	assert_run(ADD_B " --allow alice", NTM_EXIT_OK);
	assert_null(strstr(temp_read("err"), "no node"));
	assert_run(ADD_B " --allow none", NTM_EXIT_OK);
	assert_err("it may call: none");
	assert_pin("may_call", "[]");
	assert_run(ADD_B " --allow all --json", NTM_EXIT_OK);
	assert_out("\"replaced\": true");
	assert_pin("may_call", "\"all\"");
	assert_run("-c % trust remove c.example", NTM_EXIT_FAILED);
	assert_err("c.example: not among the trusted domains");
	assert_run("-c % trust remove B.example", NTM_EXIT_OK);
	assert_err("b.example is not trusted any more");
	assert_run("-c % trust remove b.example", NTM_EXIT_FAILED);
	assert_run("-c % trust list --json", NTM_EXIT_OK);
	assert_out("\"pins\": []");
}

static void test_trust_without_daemon(void **state)
{
	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	walk_through_trust();
}

static void test_trust_errors(void **state)
{
	static const struct {
		const char *options, *said;
	} cases[] = {
		{"b.example --root BwcHBwc= --prefix 198.19.0.0/16", "mistyped?"},
		{"b.example --root " KEY_B "x --prefix 198.19.0.0/16", "mistyped?"},
		{"b.example --root AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= --prefix "
		 "198.19.0.0/16",
		 "zeros"},
		{"b.example --root " KEY_B " --prefix 198.19.0.1/16", "198.19.0.1/16: expected"},
		{"b.example --root " KEY_B " --prefix 198.19.0.0", "198.19.0.0: expected"},
		{"b.example --root " KEY_B " --prefix 198.19.0.0/16 --prefix 198.20.0.0/16",
		 "one of each family"},
		{"b.example --root " KEY_B " --prefix 198.18.7.0/24",
		 "198.18.7.0/24 of b.example overlaps with 198.18.0.0/16 of ntm.example"},
		{"b.example --root " KEY_B " --prefix 10.1.2.0/24",
		 "10.1.2.0/24 of b.example overlaps with 10.1.0.0/16 of c.example"},
		{"b.example --root " KEY_B " --prefix 0.0.0.0/0", "wider than /8"},
		{"ntm.example --root " KEY_B " --prefix 198.19.0.0/16", "own domain"},
		{"NTM.example. --root " KEY_B " --prefix 198.19.0.0/16", "own domain"},
		{"example --root " KEY_B " --prefix 198.19.0.0/16", "two labels"},
		{"b..example --root " KEY_B " --prefix 198.19.0.0/16", "no name of a domain"},
		{"b.example", "needs the root key"},
		{"b.example --prefix 198.19.0.0/16", "needs the root key"},
		{"b.example --root " KEY_B, "needs a prefix"},
		{"b.example --mode all --root " KEY_B " --prefix 198.19.0.0/16",
		 "expected pinned, dnssec or tofu"},
		{"b.example --mode tofu --allow alice.b.example", "no node of ntm.example"},
		{"b.example --mode tofu --allow a!b", "no name of a node"},
		{"b.example --mode tofu --allow \xff", "allow"},
		{"b.example --mode tofu --allow none --allow alice", "stands alone"},
		{"b.example --mode tofu --allow alice --allow all", "stands alone"},
	};
	char line[300];

	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	assert_run("-c % trust add c.example --root " KEY_C " --prefix 10.1.0.0/16", NTM_EXIT_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "-c %% trust add %s", cases[i].options);
		assert_run(line, NTM_EXIT_FAILED);
		assert_err(cases[i].said);
		assert_string_equal(temp_read("out"), "");
		assert_pin("domain", "\"c.example\""); /* nothing else came in */
	}
	strcpy(line, "-c % trust add b.example --mode tofu");
	for (int i = 0; i <= TRUST_ALLOW_MAX; i++)
		strcat(line, " --allow a");
	assert_run(line, NTM_EXIT_FAILED);
	assert_err("more than 16 names");
}

/* Modes that learn: a key that is given is pinned at once, and one that is known stays. */
static void test_trust_modes(void **state)
{
	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	assert_run("-c % trust add b.example --mode tofu", NTM_EXIT_OK);
	assert_err("root not known yet, virtual addresses not known yet");
	assert_pin("mode", "\"tofu\"");
	assert_int_equal(pinned_s(), 0);
	assert_run("-c % trust list", NTM_EXIT_OK);
	assert_out("not known yet");
	assert_run("-c % trust add b.example --mode dnssec --root " KEY_B " --prefix 198.19.0.0/16",
		   NTM_EXIT_OK);
	assert_pin("root", "\"" KEY_B "\"");
	assert_int_not_equal(pinned_s(), 0);
	assert_run("-c % trust add b.example --mode dnssec", NTM_EXIT_OK);
	assert_pin("root", "\"" KEY_B "\"");
	assert_pin("prefixes", "[\"198.19.0.0/16\"]");
	assert_int_not_equal(pinned_s(), 0);
	assert_run("-c % trust add b.example --mode dnssec --prefix fd00:b::/48", NTM_EXIT_OK);
	assert_pin("root", "\"" KEY_B "\"");
	assert_pin("prefixes", "[\"fd00:b::/48\"]");
	/* Another key comes only from the operator, or after the pin is gone. */
	assert_run("-c % trust add b.example --mode tofu --root " KEY_C, NTM_EXIT_OK);
	assert_pin("root", "\"" KEY_C "\"");
	assert_pin("prefixes", "[]");
	assert_run("-c % trust remove b.example", NTM_EXIT_OK);
	assert_run("-c % trust add b.example --mode tofu", NTM_EXIT_OK);
	assert_int_equal(pinned_s(), 0);
}

/* A file that somebody else has written: it says what to do, and that can be done. */
static void test_trust_insane_store(void **state)
{
	struct dc_conf conf;
	struct domain domain;
	struct trust_pin pin = {.domain = "x.example", .mode = TRUST_TOFU};
	char words[2048];
	int err = -1;

	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	assert_run(ADD_B, NTM_EXIT_OK);
	assert_int_equal(dc_conf_load(&conf, temp_path("dc.conf"), words, sizeof(words)), 0);
	assert_int_equal(domain_open(&domain, &conf, words), 0);
	assert_int_equal(ntm_prefix_parse(&pin.prefix4, "198.19.4.0/24"), 0);
	store_pin_put(domain.store, &pin, on_put, &err);
	assert_int_equal(err, 0);
	domain_close(&domain);
	dc_conf_free(&conf);
	assert_run("-c % run", NTM_EXIT_FAILED);
	assert_err("198.19.4.0/24 of x.example overlaps with 198.19.0.0/16 of b.example: "
		   "`ntm-dc trust remove x.example`");
	assert_run("-c % check", NTM_EXIT_FAILED);
	assert_err("`ntm-dc trust remove x.example`");
	assert_run("-c % trust list", NTM_EXIT_OK);
	assert_out("x.example");
	assert_run("-c % trust add c.example --mode tofu", NTM_EXIT_FAILED);
	assert_err("`ntm-dc trust remove x.example`");
	assert_run("-c % trust remove x.example", NTM_EXIT_OK);
	assert_run("-c % check", NTM_EXIT_OK);
}

/* What one domain exports the other one takes as it is, and the other way round. */
static void test_trust_export(void **state)
{
	char conf[600], line[600], from[100], *exported[2];
	struct ntm_root root;
	uint8_t seed[NTM_SIGN_SEC_LEN] = {0};
	char key[NTM_KEY_STR], wanted[100];

	(void)state;
	snprintf(conf, sizeof(conf),
		 "dc {\n domain = \"b.example\"\n addresses = { \"203.0.113.40\" }\n"
		 " prefix4 = \"198.19.0.0/16\"\n user = \"\"\n state_dir = \"%s/b\"\n"
		 " run_dir = \"%s/run-b\"\n}\n",
		 temp_dir, temp_dir);
	temp_write("b.conf", conf);
	snprintf(from, sizeof(from), "-c %s", temp_path("b.conf"));
	assert_run("-c % init", NTM_EXIT_OK);
	snprintf(line, sizeof(line), "%s init", from);
	assert_run(line, NTM_EXIT_OK);
	snprintf(line, sizeof(line), "%s trust export", from);
	for (int i = 0; i < 2; i++) {
		assert_run(i == 0 ? "-c % trust export" : line, NTM_EXIT_OK);
		exported[i] = temp_copy("out");
		/* One line, without anything that a shell would look at. */
		assert_int_equal(strcspn(exported[i], "\n"), strlen(exported[i]) - 1);
		assert_null(strpbrk(exported[i], "'\"$`\\;&|<>()*?"));
	}
	read_key_file("state/root.key", seed);
	ntm_root_from_secret(&root, seed);
	snprintf(wanted, sizeof(wanted),
		 "ntm-dc trust add ntm.example --root %s --prefix 198.18.0.0/16 --prefix fd",
		 ntm_key_str(root.pub, key));
	assert_memory_equal(exported[0], wanted, strlen(wanted));
	/* run() puts the program's name in front by itself. */
	exported[0][strcspn(exported[0], "\n")] = '\0';
	exported[1][strcspn(exported[1], "\n")] = '\0';
	assert_in_range(snprintf(line, sizeof(line), "%s %s", from,
				 exported[0] + strlen("ntm-dc ")),
			1, sizeof(line) - 1);
	assert_run(line, NTM_EXIT_OK);
	assert_in_range(snprintf(line, sizeof(line), "-c %% %s", exported[1] + strlen("ntm-dc ")),
			1, sizeof(line) - 1);
	assert_run(line, NTM_EXIT_OK);
	assert_pin("domain", "\"b.example\"");
	assert_run(line, NTM_EXIT_OK); /* pasted twice */
	assert_err("already");
	assert_in_range(snprintf(line, sizeof(line), "-c %% %s", exported[0] + strlen("ntm-dc ")),
			1, sizeof(line) - 1);
	assert_run(line, NTM_EXIT_FAILED); /* into the wrong window */
	assert_err("own domain");
	snprintf(line, sizeof(line), "%s check", from);
	assert_run(line, NTM_EXIT_OK);
	assert_run("-c % check", NTM_EXIT_OK);
	assert_run("-c % trust export --json", NTM_EXIT_OK);
	json_t *reply = read_json();
	assert_string_equal(json_string_value(json_object_get(reply, "line")), exported[0]);
	assert_string_equal(json_string_value(json_object_get(reply, "root")), key);
	json_decref(reply);
	free(exported[0]);
	free(exported[1]);
}

/* ---- the daemon, in a child ---- */

struct daemon {
	pid_t pid;
	int notify; /* what it tells its service manager */
};

static void expect_notice(const struct daemon *daemon, const char *expected)
{
	struct timeval patience = {.tv_sec = 20};
	char text[200] = "";

	setsockopt(daemon->notify, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_true(recv(daemon->notify, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, expected);
}

static void daemon_start(struct daemon *daemon)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char *argv[ARGS + 1];
	int argc = split("-c % run", argv);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", temp_path("notify"));
	daemon->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(daemon->notify, (struct sockaddr *)&addr, sizeof(addr)), 0);
	fflush(NULL);
	daemon->pid = fork();
	if (daemon->pid == 0) {
		setenv("NOTIFY_SOCKET", addr.sun_path, 1);
		_exit(dc_cli_main(argc, argv));
	}
	expect_notice(daemon, "READY=1");
}

static void daemon_stop(struct daemon *daemon)
{
	int status;

	assert_int_equal(kill(daemon->pid, SIGTERM), 0);
	expect_notice(daemon, "STOPPING=1");
	assert_int_equal(waitpid(daemon->pid, &status, 0), daemon->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(daemon->notify);
	assert_int_equal(unlink(temp_path("notify")), 0);
}

/* Exit code of a command line that nobody runs. */
static int run_as_nobody(const char *line)
{
	char *argv[ARGS + 1];
	int argc = split(line, argv);
	int status;

	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		dup2(open("/dev/null", O_WRONLY), 2);
		if (setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
		    setresuid(NOBODY, NOBODY, NOBODY) != 0)
			_exit(99);
		_exit(dc_cli_main(argc, argv));
	}
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static void test_daemon(void **state)
{
	struct daemon daemon;
	json_t *reply;

	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	daemon_start(&daemon);
	assert_run("-c % status", NTM_EXIT_OK);
	assert_out("ntm.example");
	/* Counters that count nothing are for --json. */
	assert_null(strstr(temp_read("out"), "links.replay"));
	assert_run("-c % status --json", NTM_EXIT_OK);
	reply = read_json();
	assert_string_equal(json_string_value(json_object_get(reply, "domain")), "ntm.example");
	json_decref(reply);
	walk_through_nodes();
	walk_through_relays();
	walk_through_exit();
	assert_run("-c % status", NTM_EXIT_OK);
	assert_out("gate.ntm.example");
	walk_through_trust();
	assert_run("-c % trust export", NTM_EXIT_OK);
	assert_out("ntm-dc trust add ntm.example --root ");
	assert_run(ADD_B, NTM_EXIT_OK);
	assert_run("-c % trust add b.example", NTM_EXIT_FAILED);
	assert_err("needs the root key");
	assert_run("-c % check", NTM_EXIT_OK);
	/* A second one cannot have the port; the first one does not suffer. */
	assert_run("-c % run", NTM_EXIT_FAILED);
	assert_run("-c % status", NTM_EXIT_OK);
	if (geteuid() == 0) {
		assert_int_equal(run_as_nobody("-c % status"), NTM_EXIT_NOT_ALLOWED);
		assert_int_equal(run_as_nobody("-c % node revoke bob"), NTM_EXIT_NOT_ALLOWED);
		assert_int_equal(run_as_nobody("-c % trust remove b.example"),
				 NTM_EXIT_NOT_ALLOWED);
		assert_int_equal(run_as_nobody("-c % check"), NTM_EXIT_NOT_ALLOWED);
	}
	daemon_stop(&daemon);
	assert_int_equal(access(temp_path("run/dc.sock"), F_OK), -1);
	assert_run("-c % status", NTM_EXIT_NOT_RUNNING);
	if (geteuid() == 0)
		assert_int_equal(run_as_nobody("-c % node list"), NTM_EXIT_NOT_ALLOWED);
	/* What it was told lasts. */
	assert_run("-c % node list", NTM_EXIT_OK);
	assert_out("198.18.0.2");
	assert_pin("root", "\"" KEY_B "\"");
}

static void test_daemon_that_died(void **state)
{
	struct daemon daemon;
	int status;

	(void)state;
	assert_run("-c % init", NTM_EXIT_OK);
	daemon_start(&daemon);
	assert_run("-c % node add bob", NTM_EXIT_OK);
	assert_int_equal(kill(daemon.pid, SIGKILL), 0);
	waitpid(daemon.pid, &status, 0);
	close(daemon.notify);
	assert_int_equal(unlink(temp_path("notify")), 0);
	assert_run("-c % status", NTM_EXIT_NOT_RUNNING);
	assert_run("-c % node list", NTM_EXIT_OK);
	assert_out("bob.ntm.example");
	daemon_start(&daemon);
	assert_run("-c % node list", NTM_EXIT_OK);
	assert_out("bob.ntm.example");
	daemon_stop(&daemon);
}

/* ---- the manual page ---- */

static void assert_in_page(const char *page, const char *before, const char *word, size_t len)
{
	char wanted[80];

	snprintf(wanted, sizeof(wanted), "%s%.*s", before, (int)len, word);
	if (strstr(page, wanted) == NULL)
		fail_msg("ntm-dc(8) has no \"%s\"", wanted);
}

/* Every option and verb that --help names. */
static void test_manual(void **state)
{
	char *page = NULL;
	size_t len = 0;
	unsigned options = 0, verbs = 0;
	FILE *in = fopen(NTM_SOURCE_DIR "/man/ntm-dc.8", "r");

	(void)state;
	assert_non_null(in);
	assert_true(getdelim(&page, &len, '\0', in) > 0);
	fclose(in);
	assert_run("--help", NTM_EXIT_OK);
	const char *help = temp_read("out");
	for (const char *at = help; (at = strstr(at, "  --")) != NULL; options++) {
		at += strlen("  --");
		assert_in_page(page, "Fl -", at, strcspn(at, " \n"));
	}
	for (const char *at = help; (at = strstr(at, "\n  ")) != NULL; at++) {
		at += strlen("\n  ");
		if (*at < 'a' || *at > 'z')
			continue;
		assert_in_page(page, "Cm ", at, strcspn(at, " \n"));
		verbs++;
	}
	assert_in_range(options, 8, 30);
	assert_int_equal(verbs, 8);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_usage, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_bad_configuration, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_init_writes_what_the_options_say, setup,
						temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_token_carries_the_keys, setup,
						temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_lost_files, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_nodes_without_daemon, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_trust_without_daemon, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_trust_errors, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_trust_modes, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_trust_insane_store, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_trust_export, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_daemon, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_daemon_that_died, setup, temp_dir_remove),
		cmocka_unit_test_setup_teardown(test_manual, setup, temp_dir_remove),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
