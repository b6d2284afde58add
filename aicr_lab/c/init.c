/* aicr-init: the first process of a set of Linux namespaces, and the way into them.
 *
 *   aicr-init create [--parent PID] [--cgroup-root PROCS]... [--cgroup PROCS]... [--fence]
 *                    --hostname NAME --record FILE
 *       Makes new PID, mount, network, UTS and IPC namespaces (inside those of PID, if given) and
 *       leaves an init in them that reaps children and waits. Its pid and start time, as the
 *       caller's PID namespace sees them, are in FILE before the init does anything: whoever is
 *       killed half-way leaves either nothing or a record of what to end. Ending the init ends
 *       every process, mount and link in there: the kernel does it. With --cgroup-root a cgroup
 *       namespace too: those groups are the roots of all that is seen of control groups in there.
 *
 *   aicr-init spawn --target PID [--cgroup PROCS]... [--fence] [--wait | --log FILE] [--keep-fd N]...
 *                   -- COMMAND...
 *       Runs COMMAND in the namespaces of PID. With --log it is a child of their init, in a session
 *       of its own, writes to FILE, and its pid and start time are printed; with --wait the exit
 *       status of COMMAND is ours, and COMMAND dies with us.
 *
 * --fence takes capabilities away for good that change the machine as a whole and that no component
 * of a node needs: kernel modules, clock, reboot, ports and memory of the hardware, files by handle.
 *
 * Children are made by a fork in between, inside the PID namespace: a process whose parent dies
 * goes to the init of its *parent's* PID namespace, and a zombie left to the host's init would
 * keep the namespace from ending.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_LIST = 64, STACK = 256 * 1024 };

struct options {
	int wait, fence;
	long target;            /* 0: the caller's own namespaces */
	const char *hostname, *record, *log;
	int cgroups[MAX_LIST], cgroup_roots[MAX_LIST];   /* opened at once: paths are the caller's */
	int ncgroups, ncgroup_roots;
	int keep[MAX_LIST];
	int nkeep;
	char **command;
};

/* Opened before the mount namespace changes. */
static int proc_fd, log_fd;

static void die(const char *format, ...)
{
	int error = errno;
	va_list args;
	va_start(args, format);
	fprintf(stderr, "aicr-init: ");
	vfprintf(stderr, format, args);
	if (error)
		fprintf(stderr, ": %s", strerror(error));
	fprintf(stderr, "\n");
	va_end(args);
	exit(125);
}

/* Field 22 of /proc/PID/stat; together with the pid it names a process for good. */
static unsigned long long start_time(pid_t pid)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "%d/stat", pid);
	int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (size <= 0)
		die("/proc/%s", path);
	close(fd);
	text[size] = 0;
	/* The name may hold spaces and parentheses: fields are counted after the last one. */
	char *at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	errno = 0;
	if (!at)
		die("/proc/%s has fewer fields than expected", path);
	return strtoull(at + 1, NULL, 10);
}

static void enter(long target)
{
	static const char *names[] = {"cgroup", "pid", "net", "uts", "ipc", "mnt"};
	enum { COUNT = sizeof names / sizeof *names };
	int fds[COUNT];
	char path[64];
	for (int i = 0; i < COUNT; i++) {
		snprintf(path, sizeof path, "%ld/ns/%s", target, names[i]);
		fds[i] = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			die("namespaces of process %ld", target);
	}
	for (int i = 0; i < COUNT; i++) {
		if (setns(fds[i], 0))
			die("setns %s of process %ld", names[i], target);
		close(fds[i]);
	}
}

static void join_cgroups(const int *groups, int count)
{
	for (int i = 0; i < count; i++)
		if (write(groups[i], "0", 1) != 1)
			die("join control group %d of %d", i + 1, count);
}

static const int fenced[] = {
	CAP_SYS_MODULE, CAP_SYS_BOOT, CAP_SYS_TIME, CAP_SYS_RAWIO, CAP_SYS_PACCT, CAP_SYS_TTY_CONFIG,
	CAP_DAC_READ_SEARCH, CAP_MAC_ADMIN, CAP_MAC_OVERRIDE, CAP_AUDIT_CONTROL, CAP_WAKE_ALARM,
	CAP_BLOCK_SUSPEND, CAP_LINUX_IMMUTABLE,
};

static void fence(const struct options *o)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];
	if (!o->fence)
		return;
	errno = 0;
	if (syscall(SYS_capget, &header, sets))
		die("capget");
	for (size_t i = 0; i < sizeof fenced / sizeof *fenced; i++) {
		__u32 other = ~CAP_TO_MASK(fenced[i]);
		struct __user_cap_data_struct *set = &sets[CAP_TO_INDEX(fenced[i])];
		/* EINVAL: an older kernel does not know it. */
		if (prctl(PR_CAPBSET_DROP, fenced[i]) && errno != EINVAL)
			die("drop capability %d", fenced[i]);
		set->effective &= other;
		set->permitted &= other;
		set->inheritable &= other;
	}
	if (syscall(SYS_capset, &header, sets))
		die("capset");
}

/* The other side learns our pid in its own PID namespace from the message's credentials. */
static void announce_and_await(int channel)
{
	char byte = 'x';
	if (write(channel, &byte, 1) != 1 || read(channel, &byte, 1) != 1)
		_exit(125);   /* the caller died: be gone before anything was done */
}

static pid_t receive_pid(int channel)
{
	char byte;
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
				 .msg_controllen = sizeof control};
	errno = 0;
	if (recvmsg(channel, &message, 0) != 1)
		die("the new process ended before it began");
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_CREDENTIALS)
		die("no credentials from the new process");
	struct ucred credentials;
	memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
	return credentials.pid;
}

/* Written beside, synced and renamed: a record is whole or not there. */
static void write_record(const char *path, pid_t pid)
{
	char temporary[4096];
	if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
		die("%s: path too long", path);
	FILE *file = fopen(temporary, "w");
	if (!file)
		die("%s", temporary);
	fprintf(file, "{\"pid\": %d, \"start_time\": %llu}\n", pid, start_time(pid));
	if (fflush(file) || fsync(fileno(file)) || fclose(file) || rename(temporary, path))
		die("%s", path);
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request))
		die("loopback");
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		die("loopback up");
	close(fd);
}

/* Pid 1 of the new namespaces: sets up what every user of them needs, then reaps for ever. */
struct init_args { const struct options *options; int channel; };

static int init_main(void *pointer)
{
	const struct init_args *args = pointer;
	const struct options *o = args->options;
	join_cgroups(o->cgroup_roots, o->ncgroup_roots);
	if (o->ncgroup_roots && unshare(CLONE_NEWCGROUP))
		die("new cgroup namespace");
	join_cgroups(o->cgroups, o->ncgroups);
	announce_and_await(args->channel);
	if (setsid() < 0)
		die("setsid");
	/* Nothing that is mounted in here may reach the host. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		die("make mounts private");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		die("mount /proc");
	if (sethostname(o->hostname, strlen(o->hostname)))
		die("hostname");
	loopback_up();
	if (chdir("/"))
		die("chdir /");
	fence(o);
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	char ready = 'r';
	if (write(args->channel, &ready, 1) != 1)
		return 125;
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close_range(3, ~0U, 0);
	sigset_t child;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		sigwaitinfo(&child, NULL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static void make_channel(int channel[2])
{
	int on = 1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) ||
	    setsockopt(channel[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on))
		die("socketpair");
}

/* A caller that is killed must not be survived by a half-done job of ours. */
static void die_with_caller(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int create(const struct options *o)
{
	int channel[2];
	die_with_caller();
	make_channel(channel);
	if (o->target)
		enter(o->target);
	pid_t between = fork();
	if (between < 0)
		die("fork");
	if (!between) {
		static char stack[STACK] __attribute__((aligned(16)));
		struct init_args args = {o, channel[1]};
		close(channel[0]);
		int flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
		if (clone(init_main, stack + STACK, flags | SIGCHLD, &args) < 0)
			die("new namespaces");
		_exit(0);
	}
	close(channel[1]);
	int status;
	waitpid(between, &status, 0);
	if (status)
		exit(125);   /* it has said why */
	pid_t pid = receive_pid(channel[0]);
	write_record(o->record, pid);
	char byte = 'g';
	errno = 0;
	if (write(channel[0], &byte, 1) != 1 || read(channel[0], &byte, 1) != 1 || byte != 'r')
		exit(125);   /* it has said why */
	return 0;
}

static void run_command(const struct options *o, int channel)
{
	for (int fd = 3; fd < 1024; fd++) {
		int kept = fd == channel;
		for (int i = 0; i < o->nkeep; i++)
			kept |= fd == o->keep[i];
		if (!kept)
			close(fd);
	}
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fence(o);
	execvp(o->command[0], o->command);
	int error = errno;
	(void)!write(channel, &error, sizeof error);
	_exit(error == ENOENT ? 127 : 126);
}

static int await_exec(const struct options *o, int channel)
{
	int error;
	if (read(channel, &error, sizeof error) == sizeof error) {
		fprintf(stderr, "aicr-init: %s: %s\n", o->command[0], strerror(error));
		exit(error == ENOENT ? 127 : 126);
	}
	return 0;   /* the channel was closed by a successful exec */
}

static int spawn_detached(const struct options *o)
{
	int channel[2];
	make_channel(channel);
	pid_t between = fork();
	if (between < 0)
		die("fork");
	if (!between) {
		close(channel[0]);
		pid_t child = fork();
		if (child < 0)
			die("fork");
		if (child)
			_exit(0);
		join_cgroups(o->cgroups, o->ncgroups);
		setsid();
		announce_and_await(channel[1]);
		int null = open("/dev/null", O_RDONLY);
		if (dup2(null, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
			die("standard streams");
		run_command(o, channel[1]);
	}
	close(channel[1]);
	waitpid(between, NULL, 0);
	pid_t pid = receive_pid(channel[0]);
	unsigned long long started = start_time(pid);
	char byte = 'g';
	if (write(channel[0], &byte, 1) != 1)
		die("the new process ended before it began");
	await_exec(o, channel[0]);
	printf("%d %llu\n", pid, started);
	return fflush(stdout) ? 125 : 0;
}

static int spawn_and_wait(const struct options *o)
{
	int channel[2];
	die_with_caller();
	make_channel(channel);
	pid_t child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		die_with_caller();
		close(channel[0]);
		join_cgroups(o->cgroups, o->ncgroups);
		run_command(o, channel[1]);
	}
	close(channel[1]);
	/* The terminal sends Ctrl-C to both; the command decides what it means. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	await_exec(o, channel[0]);
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			die("wait");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);
	errno = 0;
	if (*end || value < 0)
		die("not a number: %s", text);
	return value;
}

static int opened(const char *procs)
{
	int fd = open(procs, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		die("%s", procs);
	return fd;
}

static struct options parse(int argc, char **argv)
{
	struct options o = {0};
	errno = 0;
	int i = 2;
	for (; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--wait")) {
			o.wait = 1;
			continue;
		}
		if (!strcmp(argv[i], "--fence")) {
			o.fence = 1;
			continue;
		}
		if (i + 1 >= argc)
			die("%s wants a value", argv[i]);
		const char *option = argv[i], *value = argv[++i];
		if (!strcmp(option, "--parent") || !strcmp(option, "--target"))
			o.target = number(value);
		else if (!strcmp(option, "--hostname"))
			o.hostname = value;
		else if (!strcmp(option, "--record"))
			o.record = value;
		else if (!strcmp(option, "--log"))
			o.log = value;
		else if (!strcmp(option, "--cgroup") && o.ncgroups < MAX_LIST)
			o.cgroups[o.ncgroups++] = opened(value);
		else if (!strcmp(option, "--cgroup-root") && o.ncgroup_roots < MAX_LIST)
			o.cgroup_roots[o.ncgroup_roots++] = opened(value);
		else if (!strcmp(option, "--keep-fd") && o.nkeep < MAX_LIST)
			o.keep[o.nkeep++] = (int)number(value);
		else
			die("unknown option %s", option);
	}
	if (i < argc)
		o.command = argv + i + 1;
	return o;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		die("usage: aicr-init create|spawn OPTIONS [-- COMMAND...]");
	struct options o = parse(argc, argv);
	proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc_fd < 0)
		die("/proc");
	if (!strcmp(argv[1], "create") && o.hostname && o.record)
		return create(&o);
	if (strcmp(argv[1], "spawn") || !o.target || !o.command || !o.command[0] || o.wait == !!o.log) {
		errno = 0;
		die("create wants --hostname and --record; spawn --target, --wait or --log, a command");
	}
	if (o.log && (log_fd = open(o.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) < 0)
		die("%s", o.log);
	enter(o.target);
	return o.wait ? spawn_and_wait(&o) : spawn_detached(&o);
}
