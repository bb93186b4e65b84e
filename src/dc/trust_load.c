/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's pins as a checked set. */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct load {
	struct trust *trust;
	const struct trust_own *own;
	char *words;
	int err; /* the first one stays */
	bool is_done;
};

static void on_pin(void *arg, int err, const struct trust_pin *pin)
{
	struct load *load = arg;
	char why[TRUST_WORDS];

	load->is_done = pin == NULL;
	if (load->err != 0)
		return;
	load->err = err;
	if (pin == NULL)
		return;
	load->err = trust_put(load->trust, load->own, pin, why);
	if (load->err == -EINVAL)
		snprintf(load->words, TRUST_WORDS, "%.*s: `ntm-dc trust remove %s` ends that",
			 TRUST_WORDS - 60 - (int)strlen(pin->domain), why, pin->domain);
	else if (load->err != 0)
		snprintf(load->words, TRUST_WORDS, "%s", why);
}

int trust_load(struct trust *trust, struct store *store, const struct trust_own *own,
	       char words[static TRUST_WORDS])
{
	struct trust loaded = {.count = 0};
	struct load load = {.trust = &loaded, .own = own, .words = words};

	words[0] = '\0';
	store_pin_list(store, on_pin, &load);
	if (load.err == 0 && !load.is_done)
		load.err = -EAGAIN;
	if (load.err != 0) {
		if (words[0] == '\0')
			snprintf(words, TRUST_WORDS, "%s", store_words(store));
		trust_fini(&loaded);
		return load.err;
	}
	*trust = loaded;
	return 0;
}
