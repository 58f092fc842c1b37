#define _GNU_SOURCE
#include "cncurses.h"
#include "cfaults.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

static atomic_int happened;
static atomic_int ending;
static int bell_pipe[2] = {-1, -1};

/* ---- the rescue of the terminal by a dying process ---------------------------------- */

static struct termios remembered;
static bool has_remembered;
static char rescue[512];
static int rescue_count;
static atomic_bool armed;
static int real_errors = -1, held_errors = -1;

void pare_remember_modes(void) {
  has_remembered = tcgetattr(STDIN_FILENO, &remembered) == 0;
}

void pare_set_rescue(const char *bytes, int count) {
  rescue_count = count < (int)sizeof rescue ? count : (int)sizeof rescue;
  memcpy(rescue, bytes, (size_t)rescue_count);
}

void pare_write(const char *bytes, int count) {
  while (count > 0) {
    ssize_t n = write(STDOUT_FILENO, bytes, (size_t)count);
    if (n < 0 && errno != EINTR) return;
    if (n > 0) {
      bytes += n;
      count -= (int)n;
    }
  }
}

void pare_hold_errors(void) {
  if (!isatty(STDERR_FILENO) || real_errors >= 0) return;
  held_errors = memfd_create("errors", MFD_CLOEXEC);
  if (held_errors < 0) return;
  real_errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (real_errors >= 0) dup2(held_errors, STDERR_FILENO);
}

/* Only calls that a signal handler may make. */
void pare_release_errors(void) {
  if (real_errors < 0) return;
  dup2(real_errors, STDERR_FILENO);
  close(real_errors);
  real_errors = -1;
  char text[512];
  off_t place = 0;
  ssize_t n;
  while ((n = pread(held_errors, text, sizeof text, place)) > 0) {
    if (write(STDERR_FILENO, text, (size_t)n) < 0) break;
    place += n;
  }
  close(held_errors);
  held_errors = -1;
}

/* Only calls that a signal handler may make. */
static void restore_now(void) {
  if (!atomic_exchange(&armed, false)) return;
  pare_write(rescue, rescue_count);
  if (has_remembered) tcsetattr(STDIN_FILENO, TCSANOW, &remembered);
  pare_release_errors();
}

void pare_arm_rescue(bool on) {
  static bool registered;
  if (on && !registered) registered = atexit(restore_now) == 0;
  atomic_store(&armed, on);
}

/* ---- signals ------------------------------------------------------------------------ */

static const int watched[] = {SIGWINCH, SIGCONT, SIGTSTP, SIGINT, SIGTERM, SIGHUP};
static const int deadly[] = {SIGILL, SIGTRAP, SIGSEGV, SIGABRT, SIGBUS, SIGFPE};
enum { watched_count = 6, deadly_count = 6 };
static struct sigaction old_watched[watched_count], old_deadly[deadly_count];

static void ring(int bits) {
  int saved = errno;
  atomic_fetch_or(&happened, bits);
  char bell = 1;
  if (write(bell_pipe[1], &bell, 1) < 0) { /* full: it rings already */ }
  errno = saved;
}

static void on_signal(int number) {
  switch (number) {
  case SIGWINCH: ring(PARE_RESIZED); break;
  case SIGCONT: ring(PARE_CONTINUED); break;
  case SIGTSTP: ring(PARE_STOP); break;
  default:
    /* Who asks a second time is not to wait for a program that hangs. */
    if (atomic_exchange(&ending, number) != 0) {
      restore_now();
      signal(number, SIG_DFL);
      raise(number);
      return;
    }
    ring(PARE_TERMINATE);
  }
}

static void on_trap(int number, siginfo_t *info, void *context) {
  (void)context;
  if (number == SIGBUS && info->si_code > 0 && pare_repair_fault(info->si_addr)) return;
  restore_now();
  for (int i = 0; i < deadly_count; i++) {
    if (deadly[i] == number) sigaction(number, &old_deadly[i], NULL);
  }
  /* The instruction runs again and meets the old handler; a signal that was sent is sent on. */
  if (number == SIGABRT || info->si_code <= 0) raise(number);
}

int pare_watch_signals(void) {
  if (bell_pipe[0] < 0 && pipe2(bell_pipe, O_NONBLOCK | O_CLOEXEC) != 0) return -1;
  atomic_store(&happened, 0);
  atomic_store(&ending, 0);
  pare_use_signal_stack();
  struct sigaction action = {.sa_flags = SA_RESTART | SA_ONSTACK};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < watched_count; i++) {
    sigaction(watched[i], NULL, &old_watched[i]);
    /* What a parent had ignored (nohup) stays ignored. */
    if (old_watched[i].sa_handler == SIG_IGN) continue;
    sigaction(watched[i], &action, NULL);
  }
  struct sigaction trap = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
  trap.sa_sigaction = on_trap;
  sigemptyset(&trap.sa_mask);
  for (int i = 0; i < deadly_count; i++) sigaction(deadly[i], &trap, &old_deadly[i]);
  return bell_pipe[0];
}

void pare_unwatch_signals(void) {
  for (int i = 0; i < watched_count; i++) sigaction(watched[i], &old_watched[i], NULL);
  for (int i = 0; i < deadly_count; i++) sigaction(deadly[i], &old_deadly[i], NULL);
}

int pare_take_signals(int *number) {
  char bells[64];
  while (read(bell_pipe[0], bells, sizeof bells) > 0) {}
  int bits = atomic_exchange(&happened, 0);
  *number = bits & PARE_TERMINATE ? atomic_load(&ending) : 0;
  return bits;
}

void pare_stop(void) {
  struct sigaction ours, standard = {0};
  standard.sa_handler = SIG_DFL;
  sigemptyset(&standard.sa_mask);
  sigaction(SIGTSTP, &standard, &ours);
  /* The whole group, as the terminal's driver does, so that a pipeline stops as one. */
  kill(0, SIGTSTP);
  sigaction(SIGTSTP, &ours, NULL);
}
