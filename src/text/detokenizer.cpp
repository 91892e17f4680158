#include "text/tokenizer.h"
#include "utf8.h"

namespace galley::text {
namespace {

constexpr std::string_view kReplacementText = "\xEF\xBF\xBD";

bool adds_leading_space(const TokenizerSpec& spec) {
  switch (spec.kind) {
    case TokenizerKind::byte_bpe:
      return false;
    case TokenizerKind::wordpiece:
      return true;
    default:
      return spec.add_space_prefix;
  }
}

}  // namespace

Detokenizer::Detokenizer(const Tokenizer& tokenizer, bool special, From from)
    : tokenizer_(&tokenizer),
      special_(special),
      at_start_(from == From::start && adds_leading_space(tokenizer.spec())) {}

std::string Detokenizer::add(TokenId token) {
  std::string_view bytes = tokenizer_->bytes_of(token, special_);
  if (bytes.empty()) return {};
  if (at_start_ && bytes.front() == ' ') bytes.remove_prefix(1);
  at_start_ = false;
  pending_ += bytes;

  std::string text;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const Utf8Scan scan = scan_char(rest);
    if (scan.open) break;
    text += scan.complete ? rest.substr(0, scan.size) : kReplacementText;
    rest.remove_prefix(scan.size);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return text;
}

std::string Detokenizer::finish() {
  // What is pending is the begin of one character: a single maximal subpart.
  std::string text(pending_.empty() ? std::string_view() : kReplacementText);
  pending_.clear();
  return text;
}

}  // namespace galley::text
