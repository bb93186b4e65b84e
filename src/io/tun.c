/* SPDX-License-Identifier: BSD-2-Clause */
/* The TUN device: opened by name, read in small batches, written packet by packet. */
#include "ntm/tun.h"

#include "ntm/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TUN_PATH "/dev/net/tun"
/* Packets read in one turn before the network side gets its share. */
#define READS_A_TURN 64

struct ntm_tun {
	struct ntm_watch *watch;
	ntm_tun_fn *fn;
	void (*on_gone)(void *ctx);
	void *ctx;
	int fd;
	char name[IFNAMSIZ];
	struct ntm_tun_counters counters;
	struct ntm_pkt pkt;
};

static int explain(char *text, size_t text_len, int err, const char *name)
{
	const char *why = strerror(-err);

	if (err == -EBUSY)
		why = "another program uses it";
	else if (err == -EPERM || err == -EACCES)
		why = "not permitted (needs root or CAP_NET_ADMIN)";
	else if (err == -EINVAL)
		why = "the name is not valid, or an interface of another kind has it";
	snprintf(text, text_len, "cannot open the TUN device %s: %s", name, why);
	return err;
}

static int open_device(char *text, size_t text_len)
{
	int fd = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	int err = -errno;
	if (err == -ENOENT || err == -ENODEV || err == -ENXIO) {
		snprintf(text, text_len,
			 "there is no " TUN_PATH ": load the kernel module (modprobe tun), or give "
			 "the container this device");
		return -ENODEV;
	}
	if (err == -EACCES)
		err = -EPERM;
	snprintf(text, text_len, "cannot open " TUN_PATH ": %s", strerror(-err));
	return err;
}

static bool name_is_valid(const char *name)
{
	/* '%' would make the kernel choose a number, and the name in the log would be wrong. */
	return name[0] != '\0' && strlen(name) < IFNAMSIZ && strpbrk(name, "%/ :") == NULL;
}

static void on_read_error(struct ntm_tun *tun, int err)
{
	if (err == EAGAIN || err == EINTR)
		return;
	tun->counters.read_errors++;
	if (err != EBADFD && err != EIO)
		return;
	/* Deleted from outside; the descriptor would stay readable for ever. */
	(void)ntm_watch_set(tun->watch, 0);
	if (tun->on_gone != NULL)
		tun->on_gone(tun->ctx);
}

static void on_readable(void *arg, unsigned events)
{
	struct ntm_tun *tun = arg;

	(void)events;
	for (int i = 0; i < READS_A_TURN; i++) {
		ntm_pkt_reset(&tun->pkt);
		/* One byte more than a packet may have shows the one that is too large. */
		ssize_t len = read(tun->fd, tun->pkt.data, NTM_PKT_MAX + 1);
		if (len < 0) {
			on_read_error(tun, errno);
			return;
		}
		if (len > NTM_PKT_MAX) {
			tun->counters.dropped_oversize++;
			continue;
		}
		tun->pkt.len = (size_t)len;
		tun->counters.packets_in++;
		tun->counters.bytes_in += (size_t)len;
		tun->fn(tun->ctx, &tun->pkt);
	}
}

int ntm_tun_open(const struct ntm_tun_args *args, struct ntm_tun **out, char *err, size_t err_len)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	struct ntm_tun *tun;
	int result;

	if (!name_is_valid(args->name))
		return explain(err, err_len, -EINVAL, args->name);
	tun = calloc(1, sizeof(*tun));
	if (tun == NULL)
		return explain(err, err_len, -ENOMEM, args->name);
	tun->fn = args->fn;
	tun->on_gone = args->on_gone;
	tun->ctx = args->ctx;
	strcpy(tun->name, args->name);
	memcpy(request.ifr_name, tun->name, sizeof(request.ifr_name));
	tun->fd = open_device(err, err_len);
	if (tun->fd < 0) {
		result = tun->fd;
		free(tun);
		return result;
	}
	if (ioctl(tun->fd, TUNSETIFF, &request) != 0)
		result = explain(err, err_len, -errno, args->name);
	else
		result = ntm_loop_watch(args->loop, tun->fd, NTM_LOOP_READ, on_readable, tun,
					&tun->watch);
	if (result != 0) {
		close(tun->fd);
		free(tun);
		return result;
	}
	*out = tun;
	return 0;
}

void ntm_tun_free(struct ntm_tun *tun)
{
	if (tun == NULL)
		return;
	ntm_watch_free(tun->watch);
	close(tun->fd);
	free(tun);
}

const struct ntm_tun_counters *ntm_tun_counters(const struct ntm_tun *tun)
{
	return &tun->counters;
}

int ntm_tun_write(struct ntm_tun *tun, const void *data, size_t len)
{
	ssize_t done = write(tun->fd, data, len);

	if (done < 0) {
		tun->counters.dropped_error++;
		return -errno;
	}
	tun->counters.packets_out++;
	tun->counters.bytes_out += len;
	return 0;
}
