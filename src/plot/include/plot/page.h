#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// What reports that stand in one HTML file share.
namespace galley::plot {

/// Text that may stand in HTML, in an attribute too.
std::string escaped(std::string_view text);

/// Colours that a page has; a series takes its number modulo this.
inline constexpr std::size_t kColours = 8;

/// CSS without the tag: colours that most eyes can tell apart in a light and a dark room, tables,
/// pictures, print. Classes: c0…c7 stroke, b0…b7 fill, k0…k7 background of a legend's mark.
std::string page_style();

/// From the doctype to <main>, which the caller ends with "</main></html>". The page forbids itself
/// scripts and everything from elsewhere. `title` is escaped, `more_style` is CSS.
std::string open_page(std::string_view title, std::string_view more_style = {});

}  // namespace galley::plot
