#pragma once

#include <libpq-fe.h>

#include "base/result.h"

namespace galley::store {

// clang-format off
#define GALLEY_LIBPQ_FUNCTIONS(each)                                                             \
  each(PQbackendPID) each(PQclear) each(PQcmdStatus) each(PQcmdTuples) each(PQconnectdbParams)   \
  each(PQconninfoFree) each(PQconninfoParse) each(PQconsumeInput) each(PQdb)                     \
  each(PQenterPipelineMode) each(PQerrorMessage) each(PQexitPipelineMode) each(PQfinish)         \
  each(PQflush) each(PQfreemem) each(PQftype) each(PQgetResult) each(PQgetisnull)                \
  each(PQgetlength) each(PQgetvalue) each(PQhost) each(PQisBusy) each(PQnfields)                 \
  each(PQnotifies) each(PQntuples) each(PQparameterStatus) each(PQpingParams)                    \
  each(PQpipelineSync) each(PQport) each(PQresultErrorField) each(PQresultErrorMessage)          \
  each(PQresultStatus) each(PQsendPrepare) each(PQsendQuery) each(PQsendQueryParams)             \
  each(PQsendQueryPrepared) each(PQserverVersion) each(PQsetNoticeReceiver)                      \
  each(PQsetnonblocking) each(PQsocket) each(PQstatus)
// clang-format on

/// PostgreSQL's client library, loaded when first wanted: it brings two dozen libraries along,
/// which an agent or an installation of one machine never uses (docs/decisions/0010).
struct Libpq {
#define GALLEY_LIBPQ_MEMBER(name) decltype(&::name) name = nullptr;
  GALLEY_LIBPQ_FUNCTIONS(GALLEY_LIBPQ_MEMBER)
#undef GALLEY_LIBPQ_MEMBER
};

/// Before the first pq(). Thread-safe; fast once it has succeeded. Errors: not_found, saying what
/// to install.
Status load_libpq();

/// The loaded library.
const Libpq& pq();

}  // namespace galley::store
