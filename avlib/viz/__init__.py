"""What the book shows: self-contained players (`players`) and plots (`plots`); `page` for `separate`."""
