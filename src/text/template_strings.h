#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What Python's str does, on UTF-8. Positions and lengths are in code points; bytes that are not
/// UTF-8 count as one character each.
namespace galley::text::templates {

std::size_t character_count(std::string_view text);
/// The characters, each as its bytes.
std::vector<std::string_view> characters(std::string_view text);

enum class Side : std::uint8_t { left = 1, right = 2, both = 3 };
/// Without the white space, or without the characters of `set`, on that side.
std::string_view strip(std::string_view text, Side side,
                       std::optional<std::string_view> set = std::nullopt);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
/// Every run of letters begins with a capital (str.title).
std::string title_words(std::string_view text);
/// The same for runs between white space and - ( { [ < (Jinja2's filter).
std::string title_items(std::string_view text);

/// At most `limit` replacements, all where it is negative.
std::string replace(std::string_view text, std::string_view from, std::string_view to,
                    std::int64_t limit);
/// By a separator, or by runs of white space where there is none; at most `limit` cuts.
std::vector<std::string_view> split(std::string_view text,
                                    std::optional<std::string_view> separator, std::int64_t limit);
std::vector<std::string_view> split_lines(std::string_view text);

/// As Python prints a float: "1.0", "1e+20", "inf".
std::string print_real(double value);

}  // namespace galley::text::templates
