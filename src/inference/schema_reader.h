#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json_grammar.h"
#include "schema_merge.h"
#include "schema_numbers.h"

namespace galley::inference {

/// Turns a JSON Schema into a grammar. The first fault is kept; what is made after it is not used.
class SchemaReader {
 public:
  explicit SchemaReader(const OrderedJson& root) : root_(root), json_(grammar_) {}

  Result<Grammar> run();

 private:
  /// A schema, and where it stands in the document, for messages.
  NodeIndex value(const OrderedJson& schema, const std::string& place);
  NodeIndex typed(const OrderedJson& schema, const std::string& type, const std::string& place);
  NodeIndex shared(const OrderedJson& schema, const std::string& place);
  NodeIndex unshared(const OrderedJson& schema, const std::string& place);
  NodeIndex reference(const OrderedJson& schema, const std::string& place);
  NodeIndex all_of(const OrderedJson& schema, const std::string& place);
  NodeIndex any_of(const OrderedJson& schema, const std::string& keyword, const std::string& place);
  NodeIndex values(const OrderedJson& schema, const std::string& place);
  const OrderedJson* resolve(const OrderedJson& reference, const std::string& place);
  std::vector<std::string> types(const OrderedJson& schema, const std::string& place);
  void check_keywords(const OrderedJson& schema, const std::string& place);

  NodeIndex object(const OrderedJson& schema, const std::string& place);
  NodeIndex array(const OrderedJson& schema, const std::string& place);
  NodeIndex string(const OrderedJson& schema, const std::string& place);
  NodeIndex number(const OrderedJson& schema, bool integer, const std::string& place);

  std::vector<Grammar::Member> members(const OrderedJson& schema, const std::string& place,
                                       std::vector<std::string>& names);
  NodeIndex other_name(std::vector<std::string> names, const std::string& place);
  NodeIndex other_name_rest(const std::vector<std::string>& names, std::size_t begin,
                            std::size_t end, std::size_t depth);

  struct Counts {
    std::uint32_t least = 0, most = kUnbounded;
  };
  Counts counts(const OrderedJson& schema, const char* least, const char* most,
                const std::string& place);
  std::optional<NumberRange> range(const OrderedJson& schema, bool integer,
                                   const std::string& place);

  NodeIndex fail(Errc code, std::string what, const std::string& place);
  bool take(const Status& status, const std::string& place);

  const OrderedJson& root_;
  Grammar grammar_;
  JsonGrammar json_;
  std::map<std::string, RuleIndex> rules_;  // by the text of their schema or its reference
  std::optional<Error> failure_;
  int depth_ = 0;
};

}  // namespace galley::inference
