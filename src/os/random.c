#include "os/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/fault.h"

Status
random_bytes(void *out, size_t len, Error *err)
{
	size_t done = 0;
	while (done < len) {
		errno = EIO; // what a fault looks like
		ssize_t n = fault_here() ? -1 : getrandom((char *)out + done, len - done, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, ST_IO, "random bytes from the system: %s", strerror(errno));
		done += (size_t)n;
	}
	return ST_OK;
}
