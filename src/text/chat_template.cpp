#include "text/chat_template.h"

#include "template_parser.h"
#include "template_runtime.h"

namespace galley::text {

struct ChatTemplate::Impl {
  templates::Program program;
};

ChatTemplate::ChatTemplate(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

Result<ChatTemplate> ChatTemplate::compile(std::string_view source) {
  if (source.size() > kMaxSourceBytes)
    return Error{Errc::too_large,
                 "a chat template of " + std::to_string(source.size()) + " bytes is too long",
                 {},
                 "at most " + std::to_string(kMaxSourceBytes) + " bytes"};
  auto impl = std::make_unique<Impl>();
  GALLEY_TRY_STATUS(templates::parse_template(source, impl->program));
  return ChatTemplate(std::move(impl));
}

Result<std::string> ChatTemplate::render(const Json& variables) const {
  return templates::Runtime(impl_->program, variables).render();
}

std::string_view default_chat_template() {
  return "{% for message in messages %}"
         "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
         "{% endfor %}"
         "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
}

}  // namespace galley::text
