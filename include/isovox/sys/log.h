/* log.h - one line per event on standard error: "level=info event=job.done key=value".
 * Patient data never goes above debug. UIDs are given as they are only at debug:
 * at other levels use ivx_log_uid(), a short digest that lets lines be joined. */
#ifndef IVX_SYS_LOG_H
#define IVX_SYS_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

enum ivx_level { IVX_ERROR, IVX_WARNING, IVX_INFO, IVX_DEBUG };

/* The process's own threshold (default IVX_INFO) and the role named in each line. */
void ivx_log_start(const char *role, enum ivx_level most);

/* fields: a printf format of key=value pairs; values with spaces in "quotes". Text
 * from outside is sanitised: control characters and quotes become '?'. */
void ivx_log(enum ivx_level level, const char *event, const char *fields, ...)
    __attribute__((format(printf, 3, 4)));

/* 12 hexadecimal digits, keyed per state_dir, into out[13]; the same UID gives the
 * same digest for the life of the installation. */
void ivx_log_uid(const char *uid, char out[13]);
/* The key: any text that is secret enough; set once at start. */
void ivx_log_key(const char *key);

#ifdef __cplusplus
}
#endif
#endif
