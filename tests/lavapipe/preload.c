/*
 * Preloaded into Chromium: where Dawn opens Chromium's software adapter, it gets the driver of LAVAPIPE_DRIVER instead.
 *
 * Chromium draws its pages with the same library, through the Vulkan loader, by a path with "/./" in it: that stays.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const char ADAPTER[] = "/libvk_swiftshader.so";

static int is_the_adapter(const char *path) {
  size_t length = path ? strlen(path) : 0, name = sizeof ADAPTER - 1;
  return length >= name && !strcmp(path + length - name, ADAPTER) && !strstr(path, "/./");
}

__attribute__((visibility("default"))) void *dlopen(const char *path, int flags) {
  static void *(*next)(const char *, int);
  if (!next) next = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
  const char *driver = getenv("LAVAPIPE_DRIVER");
  return next(driver && is_the_adapter(path) ? driver : path, flags);
}
