/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs that work on pins of other domains. */
#include "admin.h"

#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TYPED "%.100s" /* what somebody typed */

static json_t *fail(const char *words)
{
	return json_pack("{s:s}", "error", words);
}

/* "" when it is not there. */
static const char *text_of(const json_t *request, const char *name)
{
	const char *text = json_string_value(json_object_get(request, name));

	return text != NULL ? text : "";
}

/* ---- a request as a pin ---- */

static int take_prefix(struct trust_pin *pin, const char *text, char words[static DOMAIN_WORDS])
{
	struct ntm_prefix prefix;

	if (ntm_prefix_parse(&prefix, text) != 0)
		return say(words, DOMAIN_WORDS, -EINVAL,
			   "prefix " TYPED ": expected one such as 198.19.0.0/16 or fd00:b::/48, "
			   "with no bit set behind its length",
			   text);
	struct ntm_prefix *place = prefix.ip.family == 4 ? &pin->prefix4 : &pin->prefix6;
	if (place->ip.family != 0)
		return say(words, DOMAIN_WORDS, -EINVAL,
			   "prefix " TYPED ": a domain has one of each family at most", text);
	*place = prefix;
	return 0;
}

/* What is not there is an empty list; what is there is one of strings. */
static int check_list(const json_t *list, const char *name, char words[static DOMAIN_WORDS])
{
	bool ok = list == NULL || json_is_array(list);

	for (size_t i = 0; i < json_array_size(list); i++)
		ok &= json_is_string(json_array_get(list, i));
	return ok ? 0 : say(words, DOMAIN_WORDS, -EINVAL, "%s: expected a list of texts", name);
}

static int take_prefixes(struct trust_pin *pin, const json_t *list, char words[static DOMAIN_WORDS])
{
	int err = check_list(list, "prefixes", words);

	for (size_t i = 0; i < json_array_size(list) && err == 0; i++)
		err = take_prefix(pin, json_string_value(json_array_get(list, i)), words);
	return err;
}

static int take_name(struct trust_pin *pin, const struct dc_conf *conf, const char *name,
		     char words[static DOMAIN_WORDS])
{
	if (pin->allow_count >= TRUST_ALLOW_MAX)
		return say(words, DOMAIN_WORDS, -EINVAL, "more than %d names that may be called",
			   TRUST_ALLOW_MAX);
	if (dc_conf_name(conf, name, pin->allow[pin->allow_count]) != 0)
		return say(words, DOMAIN_WORDS, -EINVAL,
			   "allow " TYPED ": no name of a node, nor all, nor none", name);
	pin->allow_count++;
	return 0;
}

/* Names of nodes, or one word, all or none. Without a list it is all. */
static int take_allow(struct trust_pin *pin, const struct dc_conf *conf, const json_t *list,
		      char words[static DOMAIN_WORDS])
{
	size_t count = json_array_size(list);
	int err = check_list(list, "allow", words);

	pin->allow_all = list == NULL;
	for (size_t i = 0; i < count && err == 0; i++) {
		const char *name = json_string_value(json_array_get(list, i));
		bool is_all = strcmp(name, "all") == 0;

		if (!is_all && strcmp(name, "none") != 0)
			err = take_name(pin, conf, name, words);
		else if (count == 1)
			pin->allow_all = is_all;
		else
			err = say(words, DOMAIN_WORDS, -EINVAL,
				  "allow %s: stands alone, not among names", name);
	}
	return err;
}

static int take_root(struct trust_pin *pin, const json_t *request, char words[static DOMAIN_WORDS])
{
	const char *root = text_of(request, "root"), *mode = text_of(request, "mode");

	if (trust_mode_parse(&pin->mode, mode[0] != '\0' ? mode : "pinned") != 0)
		return say(words, DOMAIN_WORDS, -EINVAL,
			   "mode " TYPED ": expected pinned, dnssec or tofu", mode);
	if (root[0] == '\0')
		return 0;
	if (ntm_key_parse(pin->root, root) != 0)
		return say(words, DOMAIN_WORDS, -EINVAL,
			   "root " TYPED ": expected the 44 characters of a key, as `ntm-dc trust "
			   "export` there prints it (mistyped?)",
			   root);
	pin->has_root = true;
	return 0;
}

static int read_pin(const struct admin *admin, const json_t *request, struct trust_pin *pin,
		    char words[static DOMAIN_WORDS])
{
	const char *name = text_of(request, "name");

	*pin = (struct trust_pin){.mode = TRUST_PINNED};
	if (ntm_name_canon(pin->domain, name) != 0)
		return say(words, DOMAIN_WORDS, -EINVAL, TYPED ": no name of a domain", name);
	int err = take_root(pin, request, words);
	if (err == 0)
		err = take_prefixes(pin, json_object_get(request, "prefixes"), words);
	if (err == 0)
		err = take_allow(pin, admin->domain->conf, json_object_get(request, "allow"),
				 words);
	return err;
}

/* What was learned stays until the pin is removed: the same line once more is no invitation to
 * learn another key. */
static void keep_known(struct trust_pin *pin, const struct trust_pin *former)
{
	if (former == NULL || !former->has_root)
		return;
	if (pin->mode != TRUST_PINNED && !pin->has_root) {
		pin->has_root = true;
		memcpy(pin->root, former->root, sizeof(pin->root));
		if (!trust_has_prefix(pin)) {
			pin->prefix4 = former->prefix4;
			pin->prefix6 = former->prefix6;
		}
	}
	if (pin->has_root && memcmp(pin->root, former->root, sizeof(pin->root)) == 0)
		pin->pinned_s = former->pinned_s;
}

/* ---- answers ---- */

static json_t *prefixes_json(const struct ntm_prefix *prefix4, const struct ntm_prefix *prefix6)
{
	const struct ntm_prefix *prefixes[] = {prefix4, prefix6};
	char text[NTM_PREFIX_STR];
	json_t *list = json_array();

	for (size_t i = 0; i < 2; i++)
		if (prefixes[i]->ip.family != 0)
			json_array_append_new(list, json_string(ntm_prefix_str(prefixes[i], text)));
	return list;
}

static json_t *allow_json(const struct trust_pin *pin)
{
	json_t *list;

	if (pin->allow_all)
		return json_string("all");
	list = json_array();
	for (size_t i = 0; i < pin->allow_count; i++)
		json_array_append_new(list, json_string(pin->allow[i]));
	return list;
}

static json_t *pin_json(const struct admin *admin, const struct trust_pin *pin)
{
	char key[NTM_KEY_STR], fingerprint[NTM_FINGERPRINT_STR];
	json_t *json = json_pack("{s:s, s:s, s:o, s:o, s:I}", "domain", pin->domain, "mode",
				 trust_mode_name(pin->mode), "prefixes",
				 prefixes_json(&pin->prefix4, &pin->prefix6), "may_call",
				 allow_json(pin), "pinned_s", (json_int_t)pin->pinned_s);

	if (json != NULL && pin->has_root) {
		json_object_set_new(json, "root", json_string(ntm_key_str(pin->root, key)));
		json_object_set_new(json, "fingerprint",
				    json_string(ntm_fingerprint(pin->root, fingerprint)));
	}
	if (json != NULL && admin->dc != NULL)
		json_object_set_new(json, "dc", dc_trust_json(admin->dc, pin->domain));
	return json;
}

static void on_done(void *arg, int err)
{
	*(int *)arg = err;
}

static void on_node(void *arg, int err, const struct store_node *node)
{
	(void)node;
	*(int *)arg = err;
}

/* Names that are no nodes, yet or any more. */
static json_t *unknown_json(const struct admin *admin, const struct trust_pin *pin)
{
	json_t *list = json_array();

	for (size_t i = 0; i < pin->allow_count; i++) {
		int err = -EAGAIN;

		store_node_by_name(admin->domain->store, pin->allow[i], on_node, &err);
		if (err == -ENOENT)
			json_array_append_new(list, json_string(pin->allow[i]));
	}
	return list;
}

/* The daemon takes the change over. NULL, or an error to answer. */
static json_t *tell_daemon(const struct admin *admin)
{
	char words[DOMAIN_WORDS];
	int err = admin->dc != NULL ? dc_trust_changed(admin->dc) : 0;

	if (err == 0)
		return NULL;
	say(words, DOMAIN_WORDS, -EINVAL,
	    "stored, but the running ntm-dc does not follow (%s): restart it", strerror(-err));
	return fail(words);
}

/* ---- the verbs ---- */

/* Completes pin from the former one, and puts it if it may stand beside the others. */
static int put(const struct admin *admin, struct trust_pin *pin, struct trust_pin *former,
	       char words[static DOMAIN_WORDS])
{
	const struct trust_own own = dc_own(&admin->domain->settings);
	struct store *store = admin->domain->store;
	struct trust trust;
	char why[TRUST_WORDS];
	int err = trust_load(&trust, store, &own, why);

	if (err != 0)
		return say(words, DOMAIN_WORDS, -EINVAL, "%s", why);
	const struct trust_pin *found = trust_by_domain(&trust, pin->domain);
	*former = found != NULL ? *found : (struct trust_pin){.domain = ""};
	pin->pinned_s = pin->has_root ? time(NULL) : 0;
	keep_known(pin, found);
	err = trust_put(&trust, &own, pin, why);
	trust_fini(&trust);
	if (err != 0)
		return say(words, DOMAIN_WORDS, -EINVAL, "%s", why);
	err = -EAGAIN;
	store_pin_put(store, pin, on_done, &err);
	return err == 0 ? 0 : say(words, DOMAIN_WORDS, -EINVAL, "%s", store_words(store));
}

static json_t *trust_add(const struct admin *admin, const json_t *request)
{
	struct trust_pin pin, former = {.domain = ""};
	char words[DOMAIN_WORDS];

	if (read_pin(admin, request, &pin, words) != 0 || put(admin, &pin, &former, words) != 0)
		return fail(words);
	json_t *reply = tell_daemon(admin);
	if (reply != NULL)
		return reply;
	reply = pin_json(admin, &pin);
	if (reply != NULL) {
		json_object_set_new(reply, "replaced", json_boolean(former.domain[0] != '\0'));
		json_object_set_new(reply, "unknown", unknown_json(admin, &pin));
	}
	return reply;
}

struct listing {
	const struct admin *admin;
	json_t *pins;
	int err;
};

static void on_pin(void *arg, int err, const struct trust_pin *pin)
{
	struct listing *listing = arg;

	listing->err = err;
	if (pin != NULL)
		json_array_append_new(listing->pins, pin_json(listing->admin, pin));
}

static json_t *trust_list(const struct admin *admin, const json_t *request)
{
	struct listing listing = {.admin = admin, .pins = json_array(), .err = -EAGAIN};

	(void)request;
	store_pin_list(admin->domain->store, on_pin, &listing);
	if (listing.err == 0)
		return json_pack("{s:o}", "pins", listing.pins);
	json_decref(listing.pins);
	return fail(store_words(admin->domain->store));
}

static json_t *trust_remove_pin(const struct admin *admin, const json_t *request)
{
	const char *name = text_of(request, "name");
	char canon[NTM_NAME_MAX + 1], words[DOMAIN_WORDS];
	int err = -EAGAIN;

	/* As it was typed as well: whatever is in the store has to be removable. */
	store_pin_remove(admin->domain->store, name, on_done, &err);
	if (err == -ENOENT && ntm_name_canon(canon, name) == 0) {
		store_pin_remove(admin->domain->store, canon, on_done, &err);
		name = canon;
	}
	if (err != 0) {
		if (err == -ENOENT)
			say(words, DOMAIN_WORDS, -EINVAL, TYPED ": not among the trusted domains",
			    name);
		else
			say(words, DOMAIN_WORDS, -EINVAL, "%s", store_words(admin->domain->store));
		return fail(words);
	}
	json_t *reply = tell_daemon(admin);
	return reply != NULL ? reply
			     : json_pack("{s:s, s:b}", "removed", name, "told", admin->dc != NULL);
}

/* What the other side pastes. */
static json_t *trust_export(const struct admin *admin, const json_t *request)
{
	const struct dc_settings *settings = &admin->domain->settings;
	const uint8_t *root = admin->domain->root.pub;
	json_t *prefixes = prefixes_json(&settings->prefix4, &settings->prefix6), *prefix;
	char key[NTM_KEY_STR], fingerprint[NTM_FINGERPRINT_STR], line[DOMAIN_WORDS];
	size_t i, used;

	(void)request;
	used = (size_t)snprintf(line, sizeof(line), "ntm-dc trust add %s --root %s",
				settings->domain, ntm_key_str(root, key));
	json_array_foreach(prefixes, i, prefix) used +=
		(size_t)snprintf(line + used, sizeof(line) - used, " --prefix %s",
				 json_string_value(prefix));
	return json_pack("{s:s, s:s, s:s, s:o, s:s}", "domain", settings->domain, "root", key,
			 "fingerprint", ntm_fingerprint(root, fingerprint), "prefixes", prefixes,
			 "line", line);
}

json_t *admin_trust_answer(const struct admin *admin, const json_t *request)
{
	static const struct {
		const char *verb;
		json_t *(*answer)(const struct admin *admin, const json_t *request);
	} verbs[] = {
		{"trust_add", trust_add},
		{"trust_list", trust_list},
		{"trust_remove", trust_remove_pin},
		{"trust_export", trust_export},
	};
	const char *verb = text_of(request, "verb");

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].verb, verb) == 0)
			return verbs[i].answer(admin, request);
	return NULL;
}
