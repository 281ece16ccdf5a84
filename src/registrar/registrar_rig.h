/* The transaction layer's test world with a registrar and three phones in it: REGISTER requests are written from a few
 * words, sent, challenged and answered like a device does it. After each event the room's invariants are checked.
 * Phones: 1001 (password "one"), 1002 ("two"), 1003 (no password). Realm: belfry.example. */
#ifndef REGISTRAR_REGISTRAR_RIG_H
#define REGISTRAR_REGISTRAR_RIG_H

#include "registrar/registrar_private.h"
#include "sip/sip_digest_compute.h"
#include "sip/sip_header_values.h"
#include "transaction/transaction_rig.h"

#define RIG_REALM "belfry.example"

static struct rig *world;
static struct registrar *registrar;
static struct keepalive *keepalive;
static void *registrar_memory, *keepalive_memory, *directory_memory;
static struct flow phone_flow, other_flow;
static unsigned rig_branch_count;

static inline void rig_set_password(struct device *phone, const char *password) {
  struct str_view realm = STR_VIEW(RIG_REALM), text = str_view_from_c(password);
  struct sip_digest_hex md5 = sip_digest_ha1(SIP_DIGEST_MD5, phone->name, realm, text);
  struct sip_digest_hex sha256 = sip_digest_ha1(SIP_DIGEST_SHA256, phone->name, realm, text);
  memcpy(phone->ha1_md5, md5.text, sizeof phone->ha1_md5);
  memcpy(phone->ha1_sha256, sha256.text, sizeof phone->ha1_sha256);
}

static inline void rig_build_directory(void) {
  static uint32_t usage_counts[8];
  static struct device phones[3];
  static const char *const numbers[] = {"1001", "1002", "1003"};
  char memory[256];
  struct text_builder problem = text_builder_over(memory, sizeof memory);
  for (unsigned i = 0; i < 3; i++) {
    device_set_defaults(&phones[i], DEVICE_PHONE);
    phones[i].name = str_view_from_c(numbers[i]);
  }
  rig_set_password(&phones[0], "one");
  rig_set_password(&phones[1], "two");
  directory_memory = rig_memory(directory_memory_bytes(phones, 3));
  world->context.directory =
      directory_build(directory_memory, phones, 3, STR_VIEW(RIG_REALM), NULL, usage_counts, 8, &problem);
}

static inline void rig_build_registrar(const struct registrar_limits *limits) {
  registrar_memory = rig_memory(registrar_memory_bytes(limits));
  keepalive_memory = rig_memory(keepalive_memory_bytes(limits->registrations_max + 1));
  keepalive = keepalive_create(keepalive_memory, limits->registrations_max + 1);
  registrar = registrar_create(registrar_memory, limits, &world->blocks, world->layer, keepalive);
}

static inline void set_up_with(struct registrar_limits limits) {
  world = rig_create(4096, 64);
  world->context.wall_now = (struct wall_us){1795354272345000}; /* 2026-11-22T13:31:12.345Z */
  rig_build_registrar(&limits);
  rig_build_directory();
  phone_flow = rig_flow(TRANSPORT_UDP, "198.51.100.7:5062", 0);
  other_flow = rig_flow(TRANSPORT_UDP, "203.0.113.9:40000", 0);
}

/* --- the journal ------------------------------------------------------------------------------------------------- */

#define RIG_KEPT_MAX 32

struct rig_kept {
  struct journal_key key; /* none: nothing */
  char state[1024], note[256];
  size_t state_length, note_length;
};

static struct rig_kept rig_kept[RIG_KEPT_MAX];
static unsigned rig_puts, rig_notes, rig_drops;
static enum journal_haste rig_haste; /* of the latest */

static inline struct rig_kept *rig_kept_at(struct journal_key key) {
  unsigned i = 0;
  while (i < RIG_KEPT_MAX && !journal_key_equal(rig_kept[i].key, key))
    i++;
  return i < RIG_KEPT_MAX ? &rig_kept[i] : NULL;
}

static inline void rig_put(struct journal_key key, struct str_view state) {
  struct rig_kept *kept = rig_kept_at(key);
  if (!kept) kept = rig_kept_at(JOURNAL_KEY_NONE);
  require(kept && state.length <= sizeof kept->state);
  *kept = (struct rig_kept){.key = key, .state_length = state.length};
  memcpy(kept->state, state.data, state.length);
}

static inline void rig_note(struct journal_key key, struct str_view note) {
  struct rig_kept *kept = rig_kept_at(key);
  if (!kept) return;
  require(note.length <= sizeof kept->note);
  kept->note_length = note.length;
  memcpy(kept->note, note.data, note.length);
}

static inline void rig_drop(struct journal_key key) {
  struct rig_kept *kept = rig_kept_at(key);
  if (kept) *kept = (struct rig_kept){0};
}

/* As store/call_journal.h has it. */
static inline void rig_keep(const struct outbox_entry *entry) {
  rig_haste = (enum journal_haste)entry->journal_haste;
  rig_puts += entry->journal_kind == JOURNAL_PUT;
  rig_notes += entry->journal_kind == JOURNAL_NOTE;
  rig_drops += entry->journal_kind == JOURNAL_DROP;
  if (entry->journal_kind == JOURNAL_PUT) rig_put(entry->key, entry->bytes);
  if (entry->journal_kind == JOURNAL_NOTE) rig_note(entry->key, entry->bytes);
  if (entry->journal_kind == JOURNAL_DROP) rig_drop(entry->key);
}

static inline unsigned rig_kept_count(enum journal_thing thing) {
  unsigned count = 0;
  for (unsigned i = 0; i < RIG_KEPT_MAX; i++)
    count += !journal_key_is_none(rig_kept[i].key) && journal_key_thing(rig_kept[i].key) == (unsigned)thing;
  return count;
}

static inline void rig_start_journal(void) {
  memset(rig_kept, 0, sizeof rig_kept);
  rig_puts = rig_notes = rig_drops = 0;
  world->keep = rig_keep;
}

static inline void set_up(void) {
  set_up_with((struct registrar_limits){.registrations_max = 16, .suspensions_max = 4, .nonces_max = 8});
}

static inline void rig_check_registrar(void) {
  char memory[256];
  struct text_builder problem = text_builder_over(memory, sizeof memory);
  if (registrar_check(registrar, &problem) && keepalive_check(keepalive, &problem)) return;
  printf("# invariant: %.*s\n", (int)problem.length, memory);
  tap_fail(__FILE__, __LINE__, "the registrar's invariants hold");
}

static inline void tear_down(void) {
  free(registrar_memory);
  free(keepalive_memory);
  free(directory_memory);
  rig_destroy(world);
}

/* Turns both clocks on, handing out timers. */
static inline void run_s(unsigned seconds) {
  int64_t until_ms = rig_now_ms(world) + (int64_t)seconds * 1000;
  while (rig_now_ms(world) < until_ms) {
    world->context.now.value += TIMER_WHEEL_TICK_MS;
    world->context.wall_now.value += TIMER_WHEEL_TICK_MS * 1000;
    timer_wheel_advance(&world->wheel, world->context.now);
    struct timer *timer;
    while ((timer = timer_wheel_next_due(&world->wheel)) != NULL) {
      if (timer->kind == TIMER_TRANSACTION)
        (void)transaction_timer_due(world->layer, &world->context, timer);
      else if (timer->kind == TIMER_KEEPALIVE)
        keepalive_timer_due(keepalive, &world->context);
      else
        registrar_timer_due(registrar, &world->context, timer);
      rig_end_event(world);
    }
  }
  rig_check_registrar();
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

/* What a test varies; NULL or 0: as usual. */
struct register_words {
  const char *number;   /* of To; 1001 */
  const char *user;     /* in the credentials; the number */
  const char *password; /* "one" */
  const char *contact;  /* whole lines with CRLF; one Contact with expires=600 */
  const char *extra;    /* further whole lines */
  const char *via;      /* behind the Via's rport: further parameters, or a further Via */
  const char *call_id;
  unsigned cseq;
  const struct flow *flow; /* phone_flow */
  const char *algorithm;   /* that of the first challenge */
  const char *uri;         /* in the credentials; sip:belfry.example */
  bool without_qop;
};

/* Hands in one REGISTER with a branch of its own; returns the answer's text, "" when there is none. */
static inline const char *rig_register_once(const struct register_words *words, const char *authorization) {
  static char text[RIG_TEXT_MAX + 64];
  const struct flow *flow = words->flow ? words->flow : &phone_flow;
  const char *number = words->number ? words->number : "1001";
  int length = snprintf(
      text, RIG_TEXT_MAX,
      "REGISTER sip:belfry.example SIP/2.0\r\nVia: SIP/2.0/%s 10.0.0.5:5062;branch=z9hG4bKr%u;rport%s\r\n"
      "From: <sip:%s@belfry.example>;tag=f\r\nTo: <sip:%s@belfry.example>\r\nCall-ID: %s\r\nCSeq: %u REGISTER\r\n"
      "Max-Forwards: 70\r\n%s%s%sContent-Length: 0\r\n\r\n",
      flow->transport == TRANSPORT_TCP ? "TCP" : "UDP", ++rig_branch_count, words->via ? words->via : "", number,
      number, words->call_id ? words->call_id : "reg-1", words->cseq ? words->cseq : 1,
      words->contact ? words->contact : "Contact: <sip:1001@10.0.0.5:5062>;expires=600\r\n",
      words->extra ? words->extra : "", authorization);
  require(length > 0 && length < RIG_TEXT_MAX);
  memset(text + length, 0, 64);
  struct sip_message message;
  struct sip_defect defect;
  unsigned sent_before = world->sent_count = 0;
  if (sip_message_parse(str_view_of(text, (size_t)length), &message, &defect) != RESULT_OK) {
    tap_fail(__FILE__, __LINE__, defect.rule);
    return "";
  }
  struct transaction_news news = transaction_receive(world->layer, &world->context, &message, flow);
  expect_int(news.kind, ==, TRANSACTION_NEWS_REQUEST);
  registrar_receive_register(registrar, &world->context, &message, flow);
  rig_end_event(world);
  rig_check_registrar();
  return world->sent_count > sent_before ? rig_last_sent(world) : "";
}

/* Copies what stands between `before` and `end` in `text`. */
static inline void rig_cut_out(const char *text, const char *before, char end, char *out, size_t size) {
  const char *start = strstr(text, before);
  *out = '\0';
  if (!start) return;
  start += strlen(before);
  const char *stop = strchr(start, end);
  if (stop) snprintf(out, size, "%.*s", (int)(stop - start), start);
}

/* Writes the Authorization line that answers the challenge in `response`. */
static inline void rig_authorize(const struct register_words *words, const char *nonce, unsigned nonce_count, char *out,
                                 size_t size) {
  const char *number = words->number ? words->number : "1001", *user = words->user ? words->user : number;
  const char *algorithm = words->algorithm ? words->algorithm : "MD5";
  char count_text[9];
  snprintf(count_text, sizeof count_text, "%08x", nonce_count);
  struct sip_digest digest = {.username = str_view_from_c(user),
                              .realm = STR_VIEW(RIG_REALM),
                              .nonce = str_view_from_c(nonce),
                              .uri = str_view_from_c(words->uri ? words->uri : "sip:belfry.example"),
                              .cnonce = words->without_qop ? (struct str_view){0} : STR_VIEW("abc"),
                              .qop = words->without_qop ? (struct str_view){0} : STR_VIEW("auth"),
                              .algorithm = strcmp(algorithm, "MD5") == 0 ? SIP_DIGEST_MD5 : SIP_DIGEST_SHA256,
                              .nonce_count_text = str_view_from_c(count_text),
                              .nonce_count = nonce_count,
                              .has_nonce_count = true};
  struct sip_digest_hex ha1 = sip_digest_ha1(digest.algorithm, digest.username, digest.realm,
                                             str_view_from_c(words->password ? words->password : "one"));
  struct sip_digest_hex right = sip_digest_response(&digest, str_view_of(ha1.text, ha1.length), STR_VIEW("REGISTER"));
  char qop[64] = "";
  if (!words->without_qop) snprintf(qop, sizeof qop, ", qop=auth, nc=%s, cnonce=\"abc\"", count_text);
  snprintf(out, size,
           "Authorization: Digest username=\"%s\", realm=\"" RIG_REALM
           "\", nonce=\"%s\", uri=\"%.*s\", response=\"%.*s\", algorithm=%s%s\r\n",
           user, nonce, (int)digest.uri.length, digest.uri.data, right.length, right.text, algorithm, qop);
}

static inline void rig_nonce_of(const char *response, char *nonce, size_t size) {
  rig_cut_out(response, "nonce=\"", '"', nonce, size);
}

/* Asks for a challenge and answers it. */
static inline const char *rig_register(const struct register_words *words) {
  char nonce[128], authorization[1024];
  const char *challenge = rig_register_once(words, "");
  if (strstr(challenge, "SIP/2.0 401 ") != challenge) return challenge;
  rig_nonce_of(challenge, nonce, sizeof nonce);
  rig_authorize(words, nonce, 1, authorization, sizeof authorization);
  return rig_register_once(words, authorization);
}

#define REGISTER(...) rig_register(&(struct register_words){__VA_ARGS__})

static inline bool has_status(const char *response, unsigned status) {
  char start[16];
  snprintf(start, sizeof start, "SIP/2.0 %u ", status);
  return strncmp(response, start, strlen(start)) == 0;
}

#define expect_status(response, status)                                                                                \
  do {                                                                                                                 \
    const char *rig_response = (response);                                                                             \
    if (!has_status(rig_response, status)) {                                                                           \
      printf("# got: %.40s\n", rig_response);                                                                          \
      tap_fail(__FILE__, __LINE__, #response " is answered " #status);                                                 \
    }                                                                                                                  \
  } while (0)

#define expect_contains(text, part) expect(rig_contains((text), (part)))
#define expect_lacks(text, part)    expect(!rig_contains((text), (part)))

static inline uint32_t rig_device_count(void) {
  struct keepalive_counts counts;
  keepalive_count(keepalive, &world->context, &counts);
  return counts.devices;
}

static inline struct location_answer rig_locate(const char *number) {
  struct location_answer answer = {0};
  registrar_locate(registrar, &world->context, str_view_from_c(number), &answer);
  return answer;
}

#endif
