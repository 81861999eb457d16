// clips RULES.clp REQUESTS.tsv: CLIPS (Debian's libclips) decides the requests; `run` compiles it. A request is a fact that is asserted, lets
// one rule fire and is retracted; its texts are interned before. Writes nanoseconds of processor time a decision, the median of three slices.
//
// A line of REQUESTS.tsv: the rule that decides, or -1, and for each slot a field `NAME KIND VALUE` with blanks between: t a text, n a number,
// b TRUE or FALSE, l texts with commas between.
#include <clips/clips.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kSlotsMost = 20, kItemsMost = 16, kSlices = 3 };
static const double kCheckSeconds = 0.5;
static const double kSliceSeconds = 0.15;
static const int kRequestsLeast = 20;  // decided before anything is measured

struct slot {
  const char* name;
  char kind;
  long long number;
  int count;                // of the texts of a list
  void* texts[kItemsMost];  // interned; of what is no list, the first
};

struct request {
  int expected;
  int count;
  struct slot slots[kSlotsMost];
};

static void give_up(const char* what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void* intern(void* env, const char* text) {
  void* symbol = EnvAddSymbol(env, text);
  IncrementSymbolCount(symbol);  // stays when nothing refers to it
  return symbol;
}

static void read_slot(void* env, char* field, struct slot* out) {
  char* rest = NULL;
  out->name = strdup(strtok_r(field, " ", &rest));
  out->kind = strtok_r(NULL, " ", &rest)[0];
  if (out->kind == 'n') {
    out->number = atoll(rest);
  } else if (out->kind == 'l') {
    char* left = NULL;
    for (char* item = strtok_r(rest, ",", &left); item != NULL; item = strtok_r(NULL, ",", &left)) {
      if (out->count == kItemsMost) {
        give_up("a list is too long");
      }
      out->texts[out->count++] = intern(env, item);
    }
  } else {
    out->texts[0] = intern(env, rest);
  }
}

static int read_requests(void* env, const char* path, struct request** out) {
  FILE* file = fopen(path, "r");
  if (file == NULL) {
    give_up("no requests");
  }
  int count = 0;
  char* line = NULL;
  size_t capacity = 0;
  *out = NULL;
  while (getline(&line, &capacity, file) > 0) {
    *out = realloc(*out, sizeof(struct request) * (size_t)(count + 1));
    struct request* request = &(*out)[count++];
    memset(request, 0, sizeof(*request));
    line[strcspn(line, "\n")] = 0;
    char* rest = NULL;
    request->expected = atoi(strtok_r(line, "\t", &rest));
    for (char* field = strtok_r(NULL, "\t", &rest); field != NULL; field = strtok_r(NULL, "\t", &rest)) {
      if (request->count == kSlotsMost) {
        give_up("a request has too many slots");
      }
      read_slot(env, field, &request->slots[request->count++]);
    }
  }
  free(line);
  fclose(file);
  return count;
}

static void put(void* env, void* fact, const struct slot* slot) {
  DATA_OBJECT data;
  switch (slot->kind) {
    case 'n':
      SetType(data, INTEGER);
      SetValue(data, EnvAddLong(env, slot->number));
      break;
    case 'l': {
      void* list = EnvCreateMultifield(env, slot->count);
      for (int i = 0; i < slot->count; ++i) {
        SetMFType(list, i + 1, STRING);
        SetMFValue(list, i + 1, slot->texts[i]);
      }
      SetType(data, MULTIFIELD);
      SetValue(data, list);
      SetDOBegin(data, 1);
      SetDOEnd(data, slot->count);
      break;
    }
    default:
      SetType(data, slot->kind == 'b' ? SYMBOL : STRING);
      SetValue(data, slot->texts[0]);
  }
  EnvPutFactSlot(env, fact, slot->name, &data);
}

static int decide(void* env, void* shape, const struct request* request) {
  void* fact = EnvCreateFact(env, shape);
  for (int i = 0; i < request->count; ++i) {
    put(env, fact, &request->slots[i]);
  }
  EnvAssignFactSlotDefaults(env, fact);
  fact = EnvAssert(env, fact);
  int rule = -1;
  if (EnvRun(env, 1) > 0) {
    DATA_OBJECT fired;
    EnvGetDefglobalValue(env, "fired", &fired);
    rule = (int)DOToLong(fired);
  }
  EnvRetract(env, fact);
  return rule;
}

static int by_value(const void* a, const void* b) {
  const double x = *(const double*)a;
  const double y = *(const double*)b;
  return (x > y) - (x < y);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    give_up("usage: clips RULES.clp REQUESTS.tsv");
  }
  void* env = CreateEnvironment();
  if (EnvLoad(env, argv[1]) != 1) {
    give_up("CLIPS does not load the rules");
  }
  EnvReset(env);
  struct request* requests = NULL;
  const int all = read_requests(env, argv[2], &requests);
  void* shape = EnvFindDeftemplate(env, "request");
  const double begin = cpu_seconds();
  int count = 0;  // of the requests that agreed within the time there is
  for (; count < all && (count < kRequestsLeast || cpu_seconds() - begin < kCheckSeconds); ++count) {
    const int rule = decide(env, shape, &requests[count]);
    if (rule != requests[count].expected) {
      fprintf(stderr, "says rule %d where %d decides: request %d\n", rule, requests[count].expected, count);
      return 1;
    }
  }
  double slices[kSlices];
  for (int slice = 0; slice < kSlices; ++slice) {
    const double start = cpu_seconds();
    int decisions = 0;
    while (cpu_seconds() - start < kSliceSeconds) {
      decide(env, shape, &requests[decisions++ % count]);
    }
    slices[slice] = (cpu_seconds() - start) * 1e9 / decisions;
  }
  qsort(slices, kSlices, sizeof(slices[0]), by_value);
  printf("%.1f\n", slices[kSlices / 2]);
  return 0;
}
