// A clock that is a day ahead, for a program that is to do today what it does tomorrow (LD_PRELOAD).
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *at) {
    int failed = (int)syscall(SYS_clock_gettime, clock, at);
    if (!failed && clock == CLOCK_REALTIME) at->tv_sec += 24 * 3600;
    return failed;
}
